// CONV_2D, and dense layers over many rows: see rewriting/rows.h. Grouped ones are replaced before
// a plan is made: see rewriting/groups.h.
#pragma once

#include "delegate/core/graph/graph.h"
#include "delegate/core/operators/weighted/image_convolution.h"
#include "delegate/core/steps/int8/convolution.h"

namespace tfsparse {

// Weights are [output, height, width, input channels of a group]. A fourth input, added by fusion,
// is a residual that is added to the output.
class Convolution : public DefineOperator<Convolution, ImageConvolution> {
 public:
  // Of a grouped convolution that rewriting/groups.h has replaced: how many groups it had.
  int groups = 1;
  // Of the phases of a transposed convolution: how many weights more they have than that. They are
  // zeros. See steps/int8/transpose_convolution.h.
  std::int64_t filled = 0;
  // If int8 has a residual: the tensor that the convolution made before fusion, whose quantization
  // its result has, and the epilogue of the addition.
  int before_residual = -1;
  Epilogue residual_epilogue;

  std::string unsupported_because(const SupportContext& context, const Node& node) const override;
  DefaultWork default_work(const WorkContext& context, const Node& node) const override;
  DefaultWork default_int8_work(const WorkContext& context, const Node& node) const override;
  Status make_step(PlanBuilder* builder, const Node& node, const ChwLayout* x, const ChwLayout* y,
                   std::unique_ptr<RowStep>* step) const override;
  Status build_int8(PlanBuilder* builder, const Node& node) const override;
  bool reads_ahead(const Graph& graph, const Node& node) const override;

 protected:
  int output_channels(const Shape& image, const Shape& weights) const override;

 private:
  DefaultWork of_all_groups(DefaultWork work) const;
};

// The number of groups of a convolution, or 0 if the weights do not fit the image.
int groups_of(const Shape& image, const Shape& weights);

// Adds the step of an int8 convolution, whose graph may be another than the builder's. `at` is
// without the border.
Status add_int8_convolution(PlanBuilder* builder, const Graph& graph, const Node& conv,
                            Int8ConvolutionValues at);

// The residual of a convolution, or -1.
inline int residual_of(const Node& conv) { return conv.inputs.size() > 3 ? conv.inputs[3] : -1; }

// Whether each output pixel depends on one input pixel only, that at the same row and column. Needs
// the shapes that infer_shapes sets.
bool is_pointwise(const Graph& graph, const Node& conv);

}  // namespace tfsparse
