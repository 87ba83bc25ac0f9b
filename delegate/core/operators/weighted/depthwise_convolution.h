// DEPTHWISE_CONV_2D.
#pragma once

#include "delegate/core/operators/weighted/image_convolution.h"

namespace tfsparse {

// Weights are [1, height, width, output]. A depth multiplier makes several outputs per input.
class DepthwiseConvolution : public DefineOperator<DepthwiseConvolution, ImageConvolution> {
 public:
  std::string unsupported_because(const SupportContext& context, const Node& node) const override;
  DefaultWork default_work(const WorkContext& context, const Node& node) const override;
  DefaultWork default_int8_work(const WorkContext& context, const Node& node) const override;
  Status make_step(PlanBuilder* builder, const Node& node, const ChwLayout* x, const ChwLayout* y,
                   std::unique_ptr<RowStep>* step) const override;
  bool widens_int8(const Graph& graph, const Node& node) const override;
  Status build_int8(PlanBuilder* builder, const Node& node) const override;

 protected:
  int output_channels(const Shape& image, const Shape& weights) const override;
};

}  // namespace tfsparse
