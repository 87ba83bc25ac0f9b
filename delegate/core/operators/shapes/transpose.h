// TRANSPOSE.
#pragma once

#include <string>
#include <vector>

#include "delegate/core/operators/shapes/move.h"

namespace tfsparse {

// Inputs: the tensor, the permutation of its dimensions.
class Transpose : public DefineOperator<Transpose, Move> {
 public:
  std::string unsupported_because(const SupportContext& context, const Node& node) const override;
  Status infer(ShapeContext* context, const Node& node) override;
  Status build(PlanBuilder* builder, const Node& node) const override;

  // By output dimension, the input's; set by infer.
  const std::vector<int>& order() const { return order_; }

 private:
  std::vector<int> order_;
};

}  // namespace tfsparse
