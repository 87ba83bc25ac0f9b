// CONV_2D, and dense layers over many rows: see rewriting in rows.h.
#pragma once

#include "delegate/core/graph/graph.h"
#include "delegate/core/operators/image_convolution.h"

namespace tfsparse {

// Weights are [output, height, width, input]. A fourth input, which fusion gives it, is a residual:
// it is added to the output.
class Convolution : public DefineOperator<Convolution, ImageConvolution> {
 public:
  std::string unsupported_because(const SupportContext& context, const Node& node) const override;
  DefaultWork default_work(const WorkContext& context, const Node& node) const override;
  Status make_step(PlanBuilder* builder, const Node& node, const ChwLayout* x, const ChwLayout* y,
                   std::unique_ptr<RowStep>* step) const override;
  bool reads_ahead(const Graph& graph, const Node& node) const override;

 protected:
  int output_channels(const Shape& image, const Shape& weights) const override;
};

// The tensor that a convolution adds to its output, or -1.
inline int residual_of(const Node& conv) { return conv.inputs.size() > 3 ? conv.inputs[3] : -1; }

// Whether a convolution makes each pixel of one input pixel, that at the same row and column. Needs
// the shapes that infer_shapes sets.
bool is_pointwise(const Graph& graph, const Node& conv);

}  // namespace tfsparse
