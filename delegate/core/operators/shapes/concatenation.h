// CONCATENATION.
#pragma once

#include <string>

#include "delegate/core/operators/shapes/move.h"

namespace tfsparse {

class Concatenation : public DefineOperator<Concatenation, Move> {
 public:
  explicit Concatenation(int axis = 0) : axis_(axis) {}

  std::string unsupported_because(const SupportContext& context, const Node& node) const override;
  Status infer(ShapeContext* context, const Node& node) override;
  DefaultWork default_work(const WorkContext& context, const Node& node) const override;
  Status build(PlanBuilder* builder, const Node& node) const override;
  void hash(Hasher* hasher) const override;

 private:
  bool copies_in_chw(PlanBuilder* builder, const Node& node) const;

  int axis_;  // counts from the start once shapes are inferred
};

}  // namespace tfsparse
