#include "delegate/core/operators/elementwise/unary.h"

#include <utility>

#include "delegate/core/assignment/estimate.h"
#include "delegate/core/graph/hasher.h"
#include "delegate/core/graph/infer.h"
#include "delegate/core/graph/support.h"
#include "delegate/core/plan/builder.h"
#include "delegate/core/plan/lambda_step.h"
#include "delegate/core/steps/int8/lookup.h"

namespace tfsparse {
namespace {

constexpr double kRoot = 10;  // per vector of square roots: see estimate.h

// The cost of one vector, in vectors of XNNPACK's register tile.
double vector_cost(const UnaryOperator& op) {
  if (op.unary == Unary::kExp || op.unary == Unary::kLog) return kExponential;
  if (op.unary == Unary::kSqrt || op.unary == Unary::kRsqrt) return kRoot;
  switch (op.epilogue.activation) {
    case Activation::kSigmoid:
    case Activation::kSwish:
    case Activation::kTanh:
    case Activation::kElu:
    case Activation::kGelu:
    case Activation::kGeluTanh:
      return kExponential;
    default:
      return 0;
  }
}

}  // namespace

bool UnaryOperator::computes_in(DType type) const { return is_float32_or_int8(type); }

std::string UnaryOperator::unsupported_because(const SupportContext& context,
                                               const Node& node) const {
  return unsupported_input(context, node);
}

Status UnaryOperator::infer(ShapeContext* context, const Node& node) {
  context->set_out(node, context->in(node, 0));
  return {};
}

DefaultWork UnaryOperator::default_work(const WorkContext& context, const Node& node) const {
  return context.elementwise(node,
                             vector_cost(*this) * context.vectors(context.elements(node.output)));
}

Status UnaryOperator::build(PlanBuilder* builder, const Node& node) const {
  Values& values = builder->values();
  const bool in_chw = values.has_chw(node.inputs[0]);
  const Value x = values.get(node.inputs[0], in_chw);
  const Value y = values.define(node.output, in_chw);
  // Includes the gaps between planes, so that there is one run.
  const int elements = static_cast<int>(values.elements(x));
  const auto run = [=, op = unary, epilogue = epilogue](const RunContext& context) {
    const Elements from = context.values[x], to = context.values[y];
    context.pool.parallel_for(elements, kGrain, [&](int begin, int end, int) {
      context.kernels.unary(
          {op, from + begin, to + begin, static_cast<std::size_t>(end - begin), epilogue});
    });
  };
  builder->add(make_step("elementwise", x, y, run), node);
  return {};
}

Status UnaryOperator::build_int8(PlanBuilder* builder, const Node& node) const {
  const Kernels& kernels = *supported_kernels().back();  // of those that compute in float32
  const auto function = [&](double value) {
    float x = static_cast<float>(value), y = 0;
    kernels.unary({unary, &x, &y, 1, epilogue});
    return static_cast<double>(y);
  };
  return add_int8_lookup(builder, node, "int8 lookup", function);
}

void UnaryOperator::hash(Hasher* hasher) const { hasher->add(unary, epilogue); }

}  // namespace tfsparse
