// Layer normalization, which TFLite's files spell out in eight to ten operators.
#pragma once

#include <string>

#include "delegate/core/graph/graph.h"

namespace tfsparse {

// Normalizes over the last dimension. Inputs: the tensor, the scale (gamma) and the offset (beta);
// these two are constants of one number per channel, or -1. Made by
// rewriting/layer_normalization.h only.
class LayerNormalization : public DefineOperator<LayerNormalization> {
 public:
  explicit LayerNormalization(float epsilon = 0) : epsilon(epsilon) {}

  float epsilon;  // added to the variance

  std::string unsupported_because(const SupportContext&, const Node&) const override { return ""; }
  Status infer(ShapeContext* context, const Node& node) override;
  Status build(PlanBuilder* builder, const Node& node) const override;
  void hash(Hasher* hasher) const override;
};

}  // namespace tfsparse
