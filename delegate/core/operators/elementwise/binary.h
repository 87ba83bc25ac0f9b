// Element-wise operators on two operands: ADD, SUB, MUL, DIV, MAXIMUM, MINIMUM, PRELU,
// SQUARED_DIFFERENCE, POW.
#pragma once

#include <string>

#include "delegate/core/graph/graph.h"
#include "delegate/kernels/kernels.h"

namespace tfsparse {

class BinaryOperator : public DefineOperator<BinaryOperator> {
 public:
  explicit BinaryOperator(Binary binary = Binary::kAdd) : binary(binary) {}

  Binary binary;
  Epilogue epilogue;

  std::string unsupported_because(const SupportContext& context, const Node& node) const override;
  Status infer(ShapeContext* context, const Node& node) override;
  Status build(PlanBuilder* builder, const Node& node) const override;
  Status build_int8(PlanBuilder* builder, const Node& node) const override;
  bool computes_in(DType type) const override;
  bool widens_int8(const Graph& graph, const Node& node) const override;
  void hash(Hasher* hasher) const override;
  Epilogue* foldable_epilogue() override { return &epilogue; }
};

}  // namespace tfsparse
