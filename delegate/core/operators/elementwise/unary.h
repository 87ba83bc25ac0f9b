// Element-wise operators on one operand: activations, EXP, LOG, SQRT and others.
#pragma once

#include <string>

#include "delegate/core/graph/graph.h"
#include "delegate/kernels/kernels.h"

namespace tfsparse {

class UnaryOperator : public DefineOperator<UnaryOperator> {
 public:
  explicit UnaryOperator(Unary unary = Unary::kIdentity) : unary(unary) {}

  Unary unary;
  Epilogue epilogue;

  std::string unsupported_because(const SupportContext& context, const Node& node) const override;
  Status infer(ShapeContext* context, const Node& node) override;
  DefaultWork default_work(const WorkContext& context, const Node& node) const override;
  Status build(PlanBuilder* builder, const Node& node) const override;
  bool computes_in(DType type) const override;
  Status build_int8(PlanBuilder* builder, const Node& node) const override;
  void hash(Hasher* hasher) const override;
  Epilogue* foldable_epilogue() override { return &epilogue; }
};

}  // namespace tfsparse
