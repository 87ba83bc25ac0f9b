#include "delegate/core/operators/weighted/transpose_convolution.h"

#include <algorithm>
#include <utility>

#include "delegate/core/assignment/estimate.h"
#include "delegate/core/operators/weighted/convolution.h"
#include "delegate/core/plan/builder.h"
#include "delegate/core/steps/int8/transpose_convolution.h"
#include "delegate/core/steps/transpose_convolution.h"
#include "delegate/core/weights/weights.h"

namespace tfsparse {
namespace {

// Units and source: estimate.h.
constexpr double kTransposed = 1.6;      // per vector of MACs
constexpr double kTransposedPixel = 72;  // per output pixel
// The same of int8: measured layer by layer on one processor with AVX2 (AMD EPYC, Zen 3).
constexpr double kInt8TransposedPixel = 50;

}  // namespace

std::string TransposeConvolution::unsupported_because(const SupportContext& context,
                                                      const Node& node) const {
  const std::string reason = unsupported_weights(context, node, 4);
  if (!reason.empty()) return reason;
  return context.tensor(node.inputs[0]).shape.size() == 4 ? "" : "input is not a 4-D tensor";
}

// The output shape is an input, as several sizes are possible. A convolution of an image of that
// size must give the size of the input.
Status TransposeConvolution::infer(ShapeContext* context, const Node& node) {
  const Shape& x = context->in(node, 0);
  const Shape& w = context->in(node, 1);
  Ints size;
  TFSPARSE_RETURN_IF_ERROR(context->ints(node.inputs[3], &size));
  if (x.size() != 4 || w.size() != 4 || w[1] < 1 || w[2] < 1 || x[3] != w[3]) {
    return Status::error("input " + to_string(x) + " does not fit weights " + to_string(w));
  }
  TFSPARSE_RETURN_IF_ERROR(check_bias(*context, node, w[0]));
  const auto is_size = [](std::int64_t n) { return n >= 0 && n <= kMaxElements; };
  if (size.size() != 4 || !std::all_of(size.begin(), size.end(), is_size)) {
    return Status::error("output shape is not four sizes");
  }
  const Shape y(size.begin(), size.end());
  const Extent shrunk = window.slide({y[1], y[2]}, {w[1], w[2]});
  if (y[0] != x[0] || y[3] != w[0] || std::min(shrunk.height, shrunk.width) < 1 ||
      shrunk.height != x[1] || shrunk.width != x[2]) {
    return Status::error("output " + to_string(y) + " does not match input " + to_string(x) +
                         " with weights " + to_string(w));
  }
  const TransposeWindow axes = transpose_window(window, w, y);
  const std::int64_t pixels = static_cast<std::int64_t>(axes.rows.bordered) * axes.columns.bordered;
  if (pixels > kMaxElements || pixels * w[3] > kMaxElements ||
      pixels * window.stride_w > kMaxElements) {
    return Status::error("window of weights " + to_string(w) + " is too large");
  }
  context->set_out(node, y);
  return {};
}

DefaultWork TransposeConvolution::default_work(const WorkContext& context, const Node& node) const {
  const Shape& w = context.shape(node.inputs[1]);
  const double pixels = context.elements(node.inputs[0]) / w[3];
  DefaultWork work = context.product(node, pixels, w[0] * w[1] * w[2], w[3]);
  work.vectors = kTransposed * work.vectors + kTransposedPixel * context.pixels(node.output);
  return work;
}

DefaultWork TransposeConvolution::default_int8_work(const WorkContext& context,
                                                    const Node& node) const {
  const Shape& w = context.shape(node.inputs[1]);
  // XNNPACK computes one phase of the stride after the other, each with its share of the taps.
  const double phases = static_cast<double>(window.stride_h) * window.stride_w;
  const double taps = static_cast<double>(w[1]) * w[2], pixels = context.pixels(node.output);
  DefaultWork work = context.int8_product(node, pixels, w[0], taps / phases, w[3]);
  work.vectors += kInt8TransposedPixel * pixels;
  work.weights *= phases;
  return work;
}

Status TransposeConvolution::build(PlanBuilder* builder, const Node& node) const {
  Values& values = builder->values();
  const Shape& w = builder->shape(node.inputs[1]);
  const Value x = values.chw(node.inputs[0]), y = values.define_chw(node.output);
  const PaddedValue border =
      values.add(bordered_elements(transpose_window(window, w, builder->shape(node.output)), w));
  std::unique_ptr<Step> step;
  TFSPARSE_RETURN_IF_ERROR(
      make_transpose_convolution(builder->graph(), node, x, border, y, builder->kernels(), &step));
  builder->add(std::move(step), node);
  return {};
}

bool TransposeConvolution::widens_int8(const Graph& graph, const Node& node) const {
  return !has_int8_transpose_convolution(graph, node);
}

Status TransposeConvolution::build_int8(PlanBuilder* builder, const Node& node) const {
  Values& values = builder->values();
  Graph phases;
  TFSPARSE_RETURN_IF_ERROR(convolve_phases(builder->graph(), node, &phases));
  const Node& conv = phases.nodes[0];
  const Shape &planes = phases.tensors[conv.output].shape, &y = builder->shape(node.output);
  const bool is_one = planes[1] == y[1] && planes[2] == y[2];  // which needs no interleaving
  Int8ConvolutionValues at;
  at.x = values.padded(values.chw(node.inputs[0]));
  at.y = is_one ? values.define_chw(node.output) : values.add_bytes(quad_layout(planes).bytes());
  TFSPARSE_RETURN_IF_ERROR(add_int8_convolution(builder, phases, conv, at));
  if (is_one) return {};
  const Value whole = values.define_chw(node.output);
  builder->add(make_int8_interleave(*builder, node, planes, at.y, whole), node);
  return {};
}

void TransposeConvolution::hash(Hasher* hasher) const {
  window.hash(hasher);
  hasher->add(epilogue);
}

}  // namespace tfsparse
