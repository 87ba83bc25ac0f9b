#include "delegate/core/operators/weighted/batch_matmul.h"

#include <utility>

#include "delegate/core/assignment/estimate.h"
#include "delegate/core/graph/hasher.h"
#include "delegate/core/graph/infer.h"
#include "delegate/core/graph/support.h"
#include "delegate/core/plan/builder.h"
#include "delegate/core/steps/matrix_product.h"

namespace tfsparse {
namespace {

Status set_matrices(PlanBuilder* builder, int tensor, bool transposed, Matrices* matrices) {
  matrices->shape = builder->shape(tensor);
  matrices->transposed = transposed;
  if (!builder->tensor(tensor).is_constant()) {
    matrices->value = builder->values().flat(tensor);
    return {};
  }
  std::vector<float> values;
  TFSPARSE_RETURN_IF_ERROR(read_floats(builder->tensor(tensor), &values));
  matrices->constant = to_elements(values, builder->kernels());
  return {};
}

}  // namespace

std::string BatchMatMul::unsupported_because(const SupportContext& context,
                                             const Node& node) const {
  return unsupported_inputs(context, node);
}

Status BatchMatMul::infer(ShapeContext* context, const Node& node) {
  Shape a = context->in(node, 0), b = context->in(node, 1);
  if (a.size() >= 2 && transposes_a) std::swap(a.back(), a[a.size() - 2]);
  if (b.size() >= 2 && transposes_b) std::swap(b.back(), b[b.size() - 2]);
  if (a.size() < 2 || b.size() < 2 || a.back() != b[b.size() - 2]) {
    return Status::error("matrices " + to_string(a) + " and " + to_string(b) + " do not fit");
  }
  const int rows = a[a.size() - 2], columns = b.back();
  Shape shape;
  TFSPARSE_RETURN_IF_ERROR(broadcast({a.begin(), a.end() - 2}, {b.begin(), b.end() - 2}, &shape));
  shape.push_back(rows);
  shape.push_back(columns);
  context->set_out(node, shape);
  return {};
}

DefaultWork BatchMatMul::default_work(const WorkContext& context, const Node& node) const {
  const Shape& a = context.shape(node.inputs[0]);
  const double columns = context.channels(node.output);
  const double depth = a[a.size() - (transposes_a ? 2 : 1)];
  return context.product(node, context.pixels(node.output), columns, depth);
}

DefaultWork BatchMatMul::default_int8_work(const WorkContext& context, const Node& node) const {
  const Shape& a = context.shape(node.inputs[0]);
  const double columns = context.channels(node.output);
  const double depth = a[a.size() - (transposes_a ? 2 : 1)];
  return context.int8_product(node, context.pixels(node.output), columns, 1, depth);
}

Status BatchMatMul::build(PlanBuilder* builder, const Node& node) const {
  Matrices a, b;
  TFSPARSE_RETURN_IF_ERROR(set_matrices(builder, node.inputs[0], transposes_a, &a));
  TFSPARSE_RETURN_IF_ERROR(set_matrices(builder, node.inputs[1], transposes_b, &b));
  const Value y = builder->values().define_flat(node.output);
  std::unique_ptr<Step> step;
  TFSPARSE_RETURN_IF_ERROR(make_matrix_product(
      std::move(a), std::move(b), y, builder->shape(node.output), builder->kernels(), &step));
  builder->add(std::move(step), node);
  return {};
}

void BatchMatMul::hash(Hasher* hasher) const { hasher->add(transposes_a, transposes_b); }

}  // namespace tfsparse
