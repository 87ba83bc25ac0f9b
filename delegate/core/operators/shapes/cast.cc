#include "delegate/core/operators/shapes/cast.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "delegate/core/graph/infer.h"
#include "delegate/core/graph/support.h"
#include "delegate/core/plan/builder.h"
#include "delegate/core/plan/lambda_step.h"

namespace tfsparse {

Status CastSizes::infer(ShapeContext* context, const Node& node) {
  Ints sizes;
  TFSPARSE_RETURN_IF_ERROR(context->ints(node.inputs[0], &sizes));
  using Narrow = std::numeric_limits<std::int32_t>;
  const bool fits = std::all_of(sizes.begin(), sizes.end(), [](std::int64_t size) {
    return size >= Narrow::min() && size <= Narrow::max();
  });
  if (!fits) return Status::error("a size does not fit 32 bits");
  context->set_out(node, context->in(node, 0));
  context->set_ints(node.output, std::move(sizes));
  return {};
}

std::string FloatsOfSizes::unsupported_because(const SupportContext& context,
                                               const Node& node) const {
  return context.tensor(node.inputs[0]).shape.size() <= 1 ? "" : "is not a cast of sizes";
}

Status FloatsOfSizes::infer(ShapeContext* context, const Node& node) {
  Ints sizes;
  TFSPARSE_RETURN_IF_ERROR(context->ints(node.inputs[0], &sizes));
  sizes_.assign(sizes.begin(), sizes.end());
  context->set_out(node, context->in(node, 0));
  return {};
}

Status FloatsOfSizes::build(PlanBuilder* builder, const Node& node) const {
  const Value y = builder->values().define_flat(node.output);
  const auto run = [y, sizes = sizes_](const RunContext& context) {
    context.kernels.from_floats(sizes.data(), context.values[y], sizes.size());
  };
  auto step = std::make_unique<LambdaStep<decltype(run)>>(run);
  step->parts[0].kernel = "sizes";
  step->writes = {y};
  builder->add(std::move(step), node);
  return {};
}

}  // namespace tfsparse
