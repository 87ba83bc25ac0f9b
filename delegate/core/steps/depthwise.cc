// DEPTHWISE_CONV_2D on planes: one plane in, one plane out.
#include <algorithm>

#include "delegate/core/step.h"

namespace tfsparse {
namespace {

class Depthwise : public Step {
 public:
  void run(const RunContext& context) const override {
    const int planes = y_planes_.batch * y_planes_.channels;
    context.pool.parallel_for(planes, 1, [&](int begin, int end, int worker) {
      DepthwiseArgs args = args_;
      for (int plane = begin; plane < end; plane += args.planes) {
        const int channel = plane % y_planes_.channels;
        args.planes = std::min(end - plane, y_planes_.channels - channel);  // of one image
        args.x = context.values[x_] + plane * x_stride_;
        args.y = context.values[y_] + plane * y_planes_.stride;
        args.weights = weights_.data() + static_cast<std::size_t>(channel) * taps_;
        args.bias = bias_.data() + channel;
        args.scratch = context.scratch[worker];
        context.kernels.depthwise(args);
      }
    });
  }

  int x_ = -1, y_ = -1;
  std::size_t x_stride_ = 0;
  Planes y_planes_;
  DepthwiseArgs args_{};
  std::size_t taps_ = 0;
  std::vector<float> weights_;  // [channel][tap]
  std::vector<float> bias_;
};

}  // namespace

Status make_depthwise(const Graph& graph, const Node& node, int x, const Planes& x_planes, int y,
                      const Planes& y_planes, const Kernels& kernels,
                      std::unique_ptr<Step>* result) {
  auto step = std::make_unique<Depthwise>();
  const Tensor& weights = graph.tensors[node.inputs[1]];
  std::vector<float> by_tap;
  TFSPARSE_RETURN_IF_ERROR(read_floats(weights, &by_tap));
  const int channels = weights.shape[3];
  step->taps_ = static_cast<std::size_t>(weights.shape[1]) * weights.shape[2];
  step->weights_.resize(by_tap.size());
  for (std::size_t tap = 0; tap < step->taps_; ++tap) {
    for (int channel = 0; channel < channels; ++channel) {
      step->weights_[channel * step->taps_ + tap] = by_tap[tap * channels + channel];
    }
  }
  step->bias_.assign(channels, 0.0f);
  if (node.inputs.size() > 2 && node.inputs[2] >= 0) {
    TFSPARSE_RETURN_IF_ERROR(read_floats(graph.tensors[node.inputs[2]], &step->bias_));
  }

  DepthwiseArgs& args = step->args_;
  args.in_h = x_planes.height;
  args.in_w = x_planes.width;
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
  args.x_stride = x_planes.stride;
  args.y_stride = y_planes.stride;
  args.epilogue = node.epilogue;

  step->x_ = x;
  step->y_ = y;
  step->x_stride_ = x_planes.stride;
  step->y_planes_ = y_planes;
  step->reads = {x};
  step->writes = {y};
  step->scratch = kernels.depthwise_scratch(args);
  step->macs = static_cast<double>(y_planes.batch) * channels * y_planes.pixels() * step->taps_;
  step->kernel = std::string("depthwise ") + kernels.name;
  *result = std::move(step);
  return {};
}

}  // namespace tfsparse
