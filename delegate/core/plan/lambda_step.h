// Steps that need no setup.
#pragma once

#include <memory>
#include <string>
#include <utility>

#include "delegate/core/plan/step.h"

namespace tfsparse {

template <typename Body>
class LambdaStep : public Step {
 public:
  explicit LambdaStep(Body body) : body_(std::move(body)) {}
  void run(const RunContext& context) const override { body_(context); }

 private:
  Body body_;
};

// A step that reads x, writes y and calls `body`.
template <typename Body>
std::unique_ptr<Step> make_step(std::string kernel, Value x, Value y, Body body) {
  auto step = std::make_unique<LambdaStep<Body>>(std::move(body));
  step->parts[0].kernel = std::move(kernel);
  step->reads = {x};
  step->writes = {y};
  return step;
}

}  // namespace tfsparse
