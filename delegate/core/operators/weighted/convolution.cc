#include "delegate/core/operators/weighted/convolution.h"

#include <utility>

#include "delegate/core/assignment/estimate.h"
#include "delegate/core/plan/builder.h"
#include "delegate/core/steps/convolution.h"
#include "delegate/core/steps/convolution_border.h"
#include "delegate/core/weights/weights.h"

namespace tfsparse {
namespace {

// Units and source: estimate.h.
constexpr double kConvolution = 1.2;  // per vector of MACs, with several taps
constexpr double kTapStart = 0.6;     // for a tap's pointers, per vector

// The bordered copy can also read TFLite's order, a channel at a time. With few channels, as in the
// input of most networks, that saves the layout change.
constexpr int kFewChannels = 4;

// A grouped convolution whose weights, with the zeros outside of the groups, are more is left.
constexpr std::int64_t kMostExpandedWeights = std::int64_t{1} << 26;

// Whether rewriting/groups.h can replace a convolution of these groups.
bool expands(const Shape& w, int groups) {
  return groups == 1 || w[3] == 1 ||
         product_of({w[0], w[1], w[2], w[3], groups}) <= kMostExpandedWeights;
}

}  // namespace

std::string Convolution::unsupported_because(const SupportContext& context,
                                             const Node& node) const {
  const std::string reason = unsupported_weights(context, node, 4);
  if (!reason.empty()) return reason;
  const Shape& x = context.tensor(node.inputs[0]).shape;
  if (x.size() != 4) return "input is not a 4-D tensor";
  const Shape& w = context.stored_shape(node.inputs[1]);
  const int groups = groups_of(x, w);
  if (groups == 0) return "weights do not fit the channels";
  if (!expands(w, groups)) return "grouped convolution of too many channels";
  return unsupported_window(context, node);
}

int Convolution::output_channels(const Shape& image, const Shape& weights) const {
  const int groups = groups_of(image, weights);
  return groups > 0 && expands(weights, groups) ? weights[0] : -1;
}

DefaultWork Convolution::default_work(const WorkContext& context, const Node& node) const {
  const Shape& w = context.shape(node.inputs[1]);
  const double taps = static_cast<double>(w[1]) * w[2], rows = context.pixels(node.output);
  if (context.multiplies_int8(node)) return default_int8_work(context, node);
  const int outputs = w[0] / groups, depth = w[3] / groups;
  DefaultWork work = context.product(node, rows, outputs, taps * depth);
  if (taps != 1 || window.stride_h != 1 || window.stride_w != 1) {
    work.vectors = kConvolution * context.tile_vectors(rows, outputs) *
                   (taps * (depth + kTapStart) + kTileStart);
  }
  return of_all_groups(work);
}

DefaultWork Convolution::default_int8_work(const WorkContext& context, const Node& node) const {
  const Shape& w = context.shape(node.inputs[1]);
  const double taps = static_cast<double>(w[1]) * w[2];
  return of_all_groups(
      context.int8_product(node, context.pixels(node.output), w[0] / groups, taps, w[3] / groups));
}

// XNNPACK computes one group after the other.
DefaultWork Convolution::of_all_groups(DefaultWork work) const {
  work.vectors *= groups;
  work.weights *= groups;
  return work;
}

Status Convolution::make_step(PlanBuilder* builder, const Node& node, const ChwLayout* x,
                              const ChwLayout* y, std::unique_ptr<RowStep>* step) const {
  Values& values = builder->values();
  const Graph& graph = builder->graph();
  const Shape& image = builder->shape(node.inputs[0]);
  const std::uint64_t border = border_elements(graph, node);
  ConvolutionValues at;
  if (x == nullptr && border > 0 && !values.has_chw(node.inputs[0]) && image[3] <= kFewChannels) {
    at.x.chw = chw_layout(image);
    at.x.flat = values.flat(node.inputs[0]);
  } else {
    at.x = input(builder, node, x);
  }
  const int residual = residual_of(node);
  if (residual >= 0) at.residual = values.padded(values.chw(residual));
  if (border > 0) at.border = values.add(border);
  at.y = output(builder, node, y);
  return make_convolution(graph, node, at, builder->kernels(), step);
}

Status Convolution::build_int8(PlanBuilder* builder, const Node& node) const {
  Values& values = builder->values();
  Int8ConvolutionValues at;
  at.x = values.padded(values.chw(node.inputs[0]));
  if (residual_of(node) >= 0) at.residual = values.chw(residual_of(node));
  at.y = values.define_chw(node.output);
  return add_int8_convolution(builder, builder->graph(), node, at);
}

Status add_int8_convolution(PlanBuilder* builder, const Graph& graph, const Node& conv,
                            Int8ConvolutionValues at) {
  const std::uint64_t border = int8_border_bytes(graph, conv);
  if (border > 0) at.border = builder->values().add_bytes(border);
  std::unique_ptr<Step> step;
  TFSPARSE_RETURN_IF_ERROR(make_int8_convolution(graph, conv, at, builder->int8_kernels(), &step));
  builder->add(std::move(step), conv);
  return {};
}

bool Convolution::reads_ahead(const Graph& graph, const Node& node) const {
  return border_elements(graph, node) > 0;
}

int groups_of(const Shape& image, const Shape& weights) {
  const int channels = image[3], depth = weights[3];
  if (depth < 1 || channels < depth || channels % depth != 0) return 0;
  const int groups = channels / depth;
  return weights[0] % groups == 0 ? groups : 0;
}

bool is_pointwise(const Graph& graph, const Node& conv) {
  const Window& window = as<Convolution>(conv)->window;
  const Shape weights = filter_shape(graph, conv);
  const Shape& x = graph.tensors[conv.inputs[0]].shape;
  const Shape& y = graph.tensors[conv.output].shape;
  if (x.size() != 4) return true;  // rows of a matrix: convolve_rows makes only 1x1 convolutions
  return weights[1] == 1 && weights[2] == 1 && window.stride_h == 1 && window.stride_w == 1 &&
         window.pad_top == 0 && window.pad_left == 0 && x[1] == y[1] && x[2] == y[2];
}

}  // namespace tfsparse
