#include "delegate/core/operators/images/pooling.h"

#include <utility>

#include "delegate/core/assignment/estimate.h"
#include "delegate/core/graph/infer.h"
#include "delegate/core/graph/support.h"
#include "delegate/core/plan/builder.h"
#include "delegate/core/plan/lambda_step.h"
#include "delegate/core/steps/channel_planes.h"
#include "delegate/core/weights/int8_product.h"

namespace tfsparse {
namespace {

// Units and source: estimate.h.
constexpr double kMaxTap = 3;        // max pooling, per vector of channels and tap
constexpr double kAverageTap = 2;    // average pooling, the same
constexpr double kPooledPixel = 24;  // per pixel

}  // namespace

std::string Pool::unsupported_because(const SupportContext& context, const Node& node) const {
  std::string reason = unsupported_input(context, node);
  if (reason.empty()) reason = unsupported_scales(context, node);
  if (!reason.empty()) return reason;
  return context.tensor(node.inputs[0]).shape.size() == 4 ? "" : "input is not a 4-D tensor";
}

Status Pool::infer(ShapeContext* context, const Node& node) {
  const Shape& x = context->in(node, 0);
  if (x.size() != 4) return Status::error("expected a 4-D input, received shape " + to_string(x));
  const Extent y = window.slide({x[1], x[2]}, size);
  context->set_out(node, {x[0], y.height, y.width, x[3]});
  return {};
}

DefaultWork Pool::default_work(const WorkContext& context, const Node& node) const {
  const double tap = pooling == Pooling::kMax ? kMaxTap : kAverageTap;
  const double vectors = context.vectors(context.channels(node.output));
  const double cost = kPooledPixel + tap * size.height * size.width * vectors;
  return context.pixel_move(node, cost * context.pixels(node.output));
}

Status Pool::build(PlanBuilder* builder, const Node& node) const {
  const Value x = builder->values().chw(node.inputs[0]);
  const Value y = builder->values().define_chw(node.output);
  const ChwLayout x_chw = chw_layout(builder->shape(node.inputs[0]));
  const ChwLayout y_chw = chw_layout(builder->shape(node.output));
  PoolArgs args = plane_args<PoolArgs>(x_chw, y_chw);
  args.op = pooling;
  args.window_h = size.height;
  args.window_w = size.width;
  window.describe(&args);
  args.epilogue = epilogue;
  const char* kind = pooling == Pooling::kMax ? "max pool " : "average pool ";
  const auto run = [=](const RunContext& context) {
    run_planes(context, x, y, args, context.kernels.pool);
  };
  builder->add(make_step(std::string(kind) + builder->kernels().name, x, y, run), node);
  return {};
}

Status Pool::build_int8(PlanBuilder* builder, const Node& node) const {
  Values& values = builder->values();
  const PaddedValue x = values.padded(values.chw(node.inputs[0]));
  const Value y = values.define_chw(node.output);
  const QuadLayout from = quad_layout(builder->shape(node.inputs[0]));
  const QuadLayout to = quad_layout(builder->shape(node.output));
  int8::PoolArgs all{};
  all.op = pooling;
  describe_planes(from, to, &all);
  all.window_h = size.height;
  all.window_w = size.width;
  window.describe(&all);
  all.output = output_of(builder->tensor(node.output), epilogue);
  const auto run = [=](const RunContext& context) {
    context.pool.parallel_for(to.batch * to.quads(), 1, [&](int begin, int end, int) {
      int8::PoolArgs args = all;
      args.x = context.values[x] + begin * from.stride;
      args.y = bytes(context.values[y]) + begin * to.stride;
      args.quads = end - begin;
      context.int8_kernels.pool(args);
    });
  };
  const bool is_max = pooling == Pooling::kMax;
  builder->add(make_step(is_max ? "int8 max pool" : "int8 average pool", x, y, run), node);
  return {};
}

void Pool::hash(Hasher* hasher) const {
  window.hash(hasher);
  hasher->add(pooling, size.height, size.width, epilogue);
}

}  // namespace tfsparse
