// An operator that the delegate does not support.
#pragma once

#include <string>
#include <utility>

#include "delegate/core/graph/operator.h"

namespace tfsparse {

class Unsupported : public DefineOperator<Unsupported> {
 public:
  explicit Unsupported(std::string reason = "operator is not supported")
      : reason_(std::move(reason)) {}

  std::string unsupported_because(const SupportContext&, const Node&) const override {
    return reason_;
  }
  Status infer(ShapeContext*, const Node&) override { return Status::error("is not supported"); }

 private:
  std::string reason_;
};

}  // namespace tfsparse
