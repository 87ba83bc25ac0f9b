#include "delegate/core/operators/elementwise/softmax.h"

#include "delegate/core/assignment/estimate.h"
#include "delegate/core/graph/hasher.h"
#include "delegate/core/graph/infer.h"
#include "delegate/core/graph/support.h"
#include "delegate/core/plan/builder.h"
#include "delegate/core/plan/lambda_step.h"

namespace tfsparse {

std::string Softmax::unsupported_because(const SupportContext& context, const Node& node) const {
  const std::string reason = unsupported_input(context, node);
  if (!reason.empty()) return reason;
  return context.tensor(node.inputs[0]).shape.empty() ? "input is a scalar" : "";
}

Status Softmax::infer(ShapeContext* context, const Node& node) {
  if (context->in(node, 0).empty()) return Status::error("input is a scalar");
  context->set_out(node, context->in(node, 0));
  return {};
}

DefaultWork Softmax::default_work(const WorkContext& context, const Node& node) const {
  const double vectors = context.vectors(context.elements(node.output));
  return context.elementwise(node, kExponential * vectors);
}

Status Softmax::build(PlanBuilder* builder, const Node& node) const {
  const Shape& shape = builder->shape(node.inputs[0]);
  const Value x = builder->values().flat(node.inputs[0]);
  const Value y = builder->values().define_flat(node.output);
  const int depth = shape.back(), rows = static_cast<int>(element_count(shape) / depth);
  const auto run = [=, beta = beta_](const RunContext& context) {
    context.pool.parallel_for(rows, kGrain / depth + 1, [&](int begin, int end, int) {
      for (int row = begin; row < end; ++row) {
        const std::ptrdiff_t at = static_cast<std::ptrdiff_t>(row) * depth;
        context.kernels.softmax(context.values[x] + at, context.values[y] + at, depth, beta);
      }
    });
  };
  builder->add(make_step("softmax", x, y, run), node);
  return {};
}

void Softmax::hash(Hasher* hasher) const { hasher->add(beta_); }

}  // namespace tfsparse
