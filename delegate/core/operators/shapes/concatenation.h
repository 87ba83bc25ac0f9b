// CONCATENATION.
#pragma once

#include <string>

#include "delegate/core/graph/graph.h"

namespace tfsparse {

class Concatenation : public DefineOperator<Concatenation> {
 public:
  explicit Concatenation(int axis = 0) : axis_(axis) {}

  std::string unsupported_because(const SupportContext& context, const Node& node) const override;
  Status infer(ShapeContext* context, const Node& node) override;
  DefaultWork default_work(const WorkContext& context, const Node& node) const override;
  Status build(PlanBuilder* builder, const Node& node) const override;
  void hash(Hasher* hasher) const override;

 private:
  int axis_;  // counts from the start once shapes are inferred
};

}  // namespace tfsparse
