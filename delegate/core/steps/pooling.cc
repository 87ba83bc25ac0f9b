// AVERAGE_POOL_2D and MAX_POOL_2D on planes.
#include "delegate/core/step.h"

namespace tfsparse {
namespace {

class PoolStep : public Step {
 public:
  void run(const RunContext& context) const override {
    context.pool.parallel_for(args_.planes, 1, [&](int begin, int end, int) {
      PoolArgs args = args_;
      args.x = context.values[reads[0]] + begin * args.x_stride;
      args.y = context.values[writes[0]] + begin * args.y_stride;
      args.planes = end - begin;
      context.kernels.pool(args);
    });
  }

  PoolArgs args_{};  // of all images
};

}  // namespace

std::unique_ptr<Step> make_pool(const Node& node, Value x, const Planes& x_planes, Value y,
                                const Planes& y_planes, const Kernels& kernels) {
  auto step = std::make_unique<PoolStep>();
  PoolArgs& args = step->args_;
  args.op = node.pooling;
  args.planes = y_planes.batch * y_planes.channels;
  args.x_stride = x_planes.stride;
  args.y_stride = y_planes.stride;
  args.in_h = x_planes.height;
  args.in_w = x_planes.width;
  args.out_h = y_planes.height;
  args.out_w = y_planes.width;
  args.window_h = node.window_h;
  args.window_w = node.window_w;
  args.stride_h = node.stride_h;
  args.stride_w = node.stride_w;
  args.pad_top = node.pad_top;
  args.pad_left = node.pad_left;
  args.epilogue = node.epilogue;
  const char* kind = node.pooling == Pooling::kMax ? "max pool " : "average pool ";
  step->parts[0].kernel = std::string(kind) + kernels.name;
  step->reads = {x};
  step->writes = {y};
  return step;
}

}  // namespace tfsparse
