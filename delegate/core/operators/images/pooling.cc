#include "delegate/core/operators/images/pooling.h"

#include <utility>

#include "delegate/core/assignment/estimate.h"
#include "delegate/core/graph/infer.h"
#include "delegate/core/graph/support.h"
#include "delegate/core/plan/builder.h"
#include "delegate/core/plan/lambda_step.h"
#include "delegate/core/steps/channel_planes.h"

namespace tfsparse {
namespace {

// Units and source: estimate.h.
constexpr double kMaxTap = 3;        // max pooling, per vector of channels and tap
constexpr double kAverageTap = 2;    // average pooling, the same
constexpr double kPooledPixel = 24;  // per pixel

}  // namespace

std::string Pool::unsupported_because(const SupportContext& context, const Node& node) const {
  const std::string reason = unsupported_input(context, node);
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
  args.stride_h = window.stride_h;
  args.stride_w = window.stride_w;
  args.pad_top = window.pad_top;
  args.pad_left = window.pad_left;
  args.epilogue = epilogue;
  const char* kind = pooling == Pooling::kMax ? "max pool " : "average pool ";
  const auto run = [=](const RunContext& context) {
    run_planes(context, x, y, args, context.kernels.pool);
  };
  builder->add(make_step(std::string(kind) + builder->kernels().name, x, y, run), node);
  return {};
}

void Pool::hash(Hasher* hasher) const {
  window.hash(hasher);
  hasher->add(pooling, size.height, size.width, epilogue);
}

}  // namespace tfsparse
