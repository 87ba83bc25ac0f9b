#include "delegate/core/operators/weighted/depthwise_convolution.h"

#include <algorithm>
#include <utility>

#include "delegate/core/assignment/estimate.h"
#include "delegate/core/plan/builder.h"
#include "delegate/core/plan/memory.h"
#include "delegate/core/steps/channel_planes.h"
#include "delegate/core/steps/int8/depthwise.h"
#include "delegate/core/weights/weights.h"

namespace tfsparse {
namespace {

// Units and source: estimate.h.
constexpr double kDepthwisePixel = 15;   // per pixel
constexpr double kDepthwiseTap = 2;      // per vector of channels and tap
constexpr double kDistantTap = 3;        // the same if the weights exceed the L1 cache
constexpr double kExcessTap = 3;         // per number, if XNNPACK has no kernel for so many taps
constexpr double kDepthwiseTouch = 0.2;  // of an element-wise pass
constexpr double kFirstCacheNumbers = 8192;
constexpr int kMaxTaps = 25;

// Computes one output plane per input plane, or several with a depth multiplier.
class DepthwiseStep : public RowStep {
 public:
  void run(const RunContext& context) const override {
    const int planes = y_chw.batch * y_chw.channels;
    context.pool.parallel_for(planes, 1, [&](int begin, int end, int worker) {
      for (int plane = begin; plane < end;) {
        const int image = plane / y_chw.channels, channel = plane % y_chw.channels;
        const int count = std::min(end - plane, y_chw.channels - channel);  // of one image
        convolve(context, args_, context.values[x_value] + image * x_chw.image(),
                 context.values[y_value] + image * y_chw.image(), channel, count,
                 context.scratch[worker]);
        plane += count;
      }
    });
  }

  Rows input_rows(Rows output) const override {
    const int first = output.begin * args_.stride_h - args_.pad_top;
    const int last =
        (output.end - 1) * args_.stride_h - args_.pad_top + (args_.kernel_h - 1) * args_.dilation_h;
    const int begin = std::clamp(first, 0, args_.in_h);
    return {begin, std::clamp(last + 1, begin, args_.in_h)};
  }

  void run_rows(const RunContext& context, int, Rows output, const RowsView& x, const RowsView& y,
                PaddedElements scratch) const override {
    const Rows input = input_rows(output);
    DepthwiseArgs args = args_;
    // The input rows, as an image of their own.
    args.pad_top = args_.pad_top - output.begin * args_.stride_h + input.begin;
    args.in_h = input.count();
    args.out_h = output.count();
    args.x_stride = x.stride;
    args.y_stride = y.stride;
    convolve(context, args, x.base + static_cast<std::size_t>(input.begin - x.first) * args.in_w,
             y.base + static_cast<std::size_t>(output.begin - y.first) * args.out_w, 0,
             y_chw.channels, scratch);
  }

  Status set_weights(const Graph& graph, const Node& node, const Kernels& kernels) {
    const Tensor& weights = graph.tensors[node.inputs[1]];
    std::vector<float> by_tap;
    TFSPARSE_RETURN_IF_ERROR(read_floats(weights, &by_tap));
    const int channels = weights.shape[3];
    taps_ = static_cast<std::size_t>(weights.shape[1]) * weights.shape[2];
    std::vector<float> by_channel(by_tap.size());
    for (std::size_t tap = 0; tap < taps_; ++tap) {
      for (int channel = 0; channel < channels; ++channel) {
        by_channel[channel * taps_ + tap] = by_tap[tap * channels + channel];
      }
    }
    weights_ = to_elements(by_channel, kernels);
    return read_bias(graph, node, channels, &bias_);
  }

  DepthwiseArgs args_{};  // for a whole image
  std::size_t taps_ = 0;
  int multiplier_ = 1;  // output channels per input channel
  Buffer weights_;      // [channel][tap]
  std::vector<float> bias_;

 private:
  // Computes output channels [channel, channel + count). x and y are the planes of channel 0.
  void convolve(const RunContext& context, const DepthwiseArgs& image, PaddedElements x, Elements y,
                int channel, int count, Elements scratch) const {
    DepthwiseArgs args = image;
    args.scratch = scratch;
    if (multiplier_ > 1) args.x_stride = 0;  // all outputs of a call read the same input plane
    for (const int end = channel + count; channel < end; channel += args.planes) {
      const int left = multiplier_ > 1 ? multiplier_ - channel % multiplier_ : count;
      args.planes = std::min(left, end - channel);
      args.x = x + channel / multiplier_ * image.x_stride;
      args.y = y + channel * image.y_stride;
      args.weights = weights_.data() + static_cast<std::size_t>(channel) * taps_;
      args.bias = bias_.data() + channel;
      context.kernels.depthwise(args);
    }
  }
};

}  // namespace

std::string DepthwiseConvolution::unsupported_because(const SupportContext& context,
                                                      const Node& node) const {
  const std::string reason = unsupported_weights(context, node, 4, 3);
  if (!reason.empty()) return reason;
  const Shape& x = context.tensor(node.inputs[0]).shape;
  const Shape& w = context.stored_shape(node.inputs[1]);
  if (x.size() != 4) return "input is not a 4-D tensor";
  if (output_channels(x, w) < 0 || w[0] != 1) return "weights have an unexpected shape";
  return unsupported_window(context, node);
}

int DepthwiseConvolution::output_channels(const Shape& image, const Shape& weights) const {
  return image[3] > 0 && weights[3] % image[3] == 0 ? weights[3] : -1;
}

DefaultWork DepthwiseConvolution::default_work(const WorkContext& context, const Node& node) const {
  const Shape& w = context.shape(node.inputs[1]);
  const double taps = static_cast<double>(w[1]) * w[2];
  const bool distant = (taps + 1) * w[3] > kFirstCacheNumbers;
  DefaultWork work;
  work.touched = context.touched(node);
  work.touch_factor = kDepthwiseTouch;
  work.vectors =
      context.pixels(node.output) *
      (kDepthwisePixel + taps * context.vectors(w[3]) * (distant ? kDistantTap : kDepthwiseTap));
  if (taps > kMaxTaps) work.vectors = kExcessTap * taps * context.elements(node.output);
  return work;
}

DefaultWork DepthwiseConvolution::default_int8_work(const WorkContext& context,
                                                    const Node& node) const {
  const Shape& w = context.shape(node.inputs[1]);
  const double taps = static_cast<double>(w[1]) * w[2];
  const Int8Costs& costs = int8_costs();
  DefaultWork work;
  work.touched = kInt8Number * context.touched(node);
  work.touch_factor = kDepthwiseTouch;
  work.vectors = context.pixels(node.output) * context.vectors(w[3]) *
                 (taps * costs.tap + costs.depthwise_output);
  return work;
}

bool DepthwiseConvolution::widens_int8(const Graph& graph, const Node& node) const {
  return !has_int8_depthwise(graph, node);
}

Status DepthwiseConvolution::build_int8(PlanBuilder* builder, const Node& node) const {
  Values& values = builder->values();
  const PaddedValue x = values.padded(values.chw(node.inputs[0]));
  const Value y = values.define_chw(node.output);
  std::unique_ptr<Step> step;
  TFSPARSE_RETURN_IF_ERROR(
      make_int8_depthwise(builder->graph(), node, x, y, builder->int8_kernels(), &step));
  builder->add(std::move(step), node);
  return {};
}

Status DepthwiseConvolution::make_step(PlanBuilder* builder, const Node& node,
                                       const ChwLayout* x_tile, const ChwLayout* y_tile,
                                       std::unique_ptr<RowStep>* result) const {
  const RowInput x = input(builder, node, x_tile);
  const PaddedValue y = output(builder, node, y_tile);
  const ChwLayout y_chw = chw_layout(builder->shape(node.output));
  const Kernels& kernels = builder->kernels();
  auto step = std::make_unique<DepthwiseStep>();
  step->multiplier_ = y_chw.channels / x.chw.channels;
  TFSPARSE_RETURN_IF_ERROR(step->set_weights(builder->graph(), node, kernels));

  const Tensor& weights = builder->tensor(node.inputs[1]);
  DepthwiseArgs& args = step->args_;
  describe_planes(x.chw, y_chw, &args);
  args.kernel_h = weights.shape[1];
  args.kernel_w = weights.shape[2];
  window.describe_dilated(&args);
  args.epilogue = epilogue;

  step->x_value = x.value;
  step->y_value = y;
  step->x_chw = x.chw;
  step->y_chw = y_chw;
  if (x.value.exists()) step->reads = {x.value};
  if (y.exists()) step->writes = {y};
  step->scratch_bytes = kernels.depthwise_scratch(args) * kernels.element_bytes;
  const double macs = static_cast<double>(y_chw.batch) * y_chw.channels * y_chw.pixels();
  step->parts[0].kernel = std::string("depthwise ") + kernels.name;
  step->parts[0].macs = macs * step->taps_;
  *result = std::move(step);
  return {};
}

}  // namespace tfsparse
