// DEPTHWISE_CONV_2D on planes: one plane in, one or, with a depth multiplier, several out.
#include <algorithm>

#include "delegate/core/memory.h"
#include "delegate/core/row_step.h"

namespace tfsparse {
namespace {

class Depthwise : public RowStep {
 public:
  void run(const RunContext& context) const override {
    const int planes = y_planes.batch * y_planes.channels;
    context.pool.parallel_for(planes, 1, [&](int begin, int end, int worker) {
      for (int plane = begin; plane < end;) {
        const int image = plane / y_planes.channels, channel = plane % y_planes.channels;
        const int count = std::min(end - plane, y_planes.channels - channel);  // of one image
        convolve(context, args_, context.values[x_value] + image * x_planes.image(),
                 context.values[y_value] + image * y_planes.image(), channel, count,
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
    // The part of the image that these rows see, as an image of its own.
    args.pad_top = args_.pad_top - output.begin * args_.stride_h + input.begin;
    args.in_h = input.count();
    args.out_h = output.count();
    args.x_stride = x.stride;
    args.y_stride = y.stride;
    convolve(context, args, x.base + static_cast<std::size_t>(input.begin - x.first) * args.in_w,
             y.base + static_cast<std::size_t>(output.begin - y.first) * args.out_w, 0,
             y_planes.channels, scratch);
  }

  DepthwiseArgs args_{};  // of the whole image
  std::size_t taps_ = 0;
  int multiplier_ = 1;  // output channels of each input channel
  Buffer weights_;      // [channel][tap]
  std::vector<float> bias_;

 private:
  // Output channels [channel, channel + count) of the image whose first planes are x and y.
  void convolve(const RunContext& context, const DepthwiseArgs& image, PaddedElements x, Elements y,
                int channel, int count, Elements scratch) const {
    DepthwiseArgs args = image;
    args.scratch = scratch;
    if (multiplier_ > 1) args.x_stride = 0;  // a call makes the outputs of one input plane
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

Status make_depthwise(const Graph& graph, const Node& node, const RowInput& x, PaddedValue y,
                      const Planes& y_planes, const Kernels& kernels,
                      std::unique_ptr<RowStep>* result) {
  auto step = std::make_unique<Depthwise>();
  const Tensor& weights = graph.tensors[node.inputs[1]];
  std::vector<float> by_tap;
  TFSPARSE_RETURN_IF_ERROR(read_floats(weights, &by_tap));
  const int channels = weights.shape[3];
  step->multiplier_ = channels / x.planes.channels;
  step->taps_ = static_cast<std::size_t>(weights.shape[1]) * weights.shape[2];
  std::vector<float> by_channel(by_tap.size());
  for (std::size_t tap = 0; tap < step->taps_; ++tap) {
    for (int channel = 0; channel < channels; ++channel) {
      by_channel[channel * step->taps_ + tap] = by_tap[tap * channels + channel];
    }
  }
  step->weights_ = to_elements(by_channel, kernels);
  TFSPARSE_RETURN_IF_ERROR(read_bias(graph, node, channels, &step->bias_));

  DepthwiseArgs& args = step->args_;
  args.in_h = x.planes.height;
  args.in_w = x.planes.width;
  args.out_h = y_planes.height;
  args.out_w = y_planes.width;
  args.kernel_h = weights.shape[1];
  args.kernel_w = weights.shape[2];
  args.stride_h = node.stride_h;
  args.stride_w = node.stride_w;
  args.dilation_h = node.dilation_h;
  args.dilation_w = node.dilation_w;
  args.pad_top = node.pad_top;
  args.pad_left = node.pad_left;
  args.x_stride = x.planes.stride;
  args.y_stride = y_planes.stride;
  args.epilogue = node.epilogue;

  step->x_value = x.value;
  step->y_value = y;
  step->x_planes = x.planes;
  step->y_planes = y_planes;
  if (x.value.exists()) step->reads = {x.value};
  if (y.exists()) step->writes = {y};
  step->scratch = kernels.depthwise_scratch(args);
  const double macs = static_cast<double>(y_planes.batch) * channels * y_planes.pixels();
  step->parts[0] = {node.id, std::string("depthwise ") + kernels.name, macs * step->taps_};
  *result = std::move(step);
  return {};
}

}  // namespace tfsparse
