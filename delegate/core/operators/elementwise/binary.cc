#include "delegate/core/operators/elementwise/binary.h"

#include <utility>

#include "delegate/core/graph/hasher.h"
#include "delegate/core/graph/infer.h"
#include "delegate/core/graph/support.h"
#include "delegate/core/plan/builder.h"
#include "delegate/core/steps/binary.h"
#include "delegate/core/steps/int8/binary.h"
#include "delegate/core/steps/int8/prelu.h"

namespace tfsparse {
namespace {

// Whether an operand has one element per channel, for all images of y or for each of them.
bool is_per_channel(const Shape& operand, const Shape& y) {
  const std::int64_t count = element_count(operand);
  return count == 1 || is_one_per_channel(operand, y) ||
         (operand.size() == 4 && y.size() == 4 && operand[0] == y[0] && operand[1] == 1 &&
          operand[2] == 1 && operand[3] == y[3]);
}

// CHW works if each operand is a whole image or has one element per channel. Other operands are
// broadcast in TFLite's order.
bool computes_in_chw(PlanBuilder* builder, const Node& node) {
  const Shape& y = builder->shape(node.output);
  if (!is_image(y)) return false;
  bool any_chw = false;
  for (int i = 0; i < 2; ++i) {
    const Tensor& operand = builder->tensor(node.inputs[i]);
    const bool whole = operand.shape == y && !operand.is_constant();
    if (!whole && !is_per_channel(operand.shape, y)) return false;
    any_chw = any_chw || (whole && builder->values().has_chw(node.inputs[i]));
  }
  return any_chw;
}

Status set_operand(PlanBuilder* builder, int tensor, bool in_chw, Operand* operand) {
  operand->shape = builder->shape(tensor);
  if (builder->tensor(tensor).is_constant()) {
    return read_floats(builder->tensor(tensor), &operand->constant);
  }
  operand->value = builder->values().get(tensor, in_chw);
  return {};
}

}  // namespace

std::string BinaryOperator::unsupported_because(const SupportContext& context,
                                                const Node& node) const {
  const std::string reason = unsupported_inputs(context, node);
  // These kernels of TFLite compare codes.
  const bool compares = binary == Binary::kMax || binary == Binary::kMin;
  return reason.empty() && compares ? unsupported_scales(context, node) : reason;
}

Status BinaryOperator::infer(ShapeContext* context, const Node& node) {
  Shape shape;
  TFSPARSE_RETURN_IF_ERROR(broadcast(context->in(node, 0), context->in(node, 1), &shape));
  context->set_out(node, shape);
  return {};
}

Status BinaryOperator::build(PlanBuilder* builder, const Node& node) const {
  const Shape& shape = builder->shape(node.output);
  const Kernels& kernels = builder->kernels();
  const bool in_chw = computes_in_chw(builder, node);
  Operand a, b;
  TFSPARSE_RETURN_IF_ERROR(set_operand(builder, node.inputs[0], in_chw, &a));
  TFSPARSE_RETURN_IF_ERROR(set_operand(builder, node.inputs[1], in_chw, &b));
  const Value y = builder->values().define(node.output, in_chw);
  builder->add(
      in_chw ? make_binary_chw(binary, epilogue, std::move(a), std::move(b), y, chw_layout(shape),
                               kernels)
             : make_binary_flat(binary, epilogue, std::move(a), std::move(b), y, shape, kernels),
      node);
  return {};
}

bool BinaryOperator::computes_in(DType type) const {
  // TFLite computes these in float only.
  const bool in_float = binary == Binary::kDiv || binary == Binary::kPower;
  return in_float ? type == DType::kFloat32 : is_float32_or_int8(type);
}

bool BinaryOperator::widens_int8(const Graph& graph, const Node& node) const {
  return binary == Binary::kPrelu ? !has_int8_prelu(graph, node) : !has_int8_binary(graph, node);
}

Status BinaryOperator::build_int8(PlanBuilder* builder, const Node& node) const {
  return binary == Binary::kPrelu ? add_int8_prelu(builder, node) : add_int8_binary(builder, node);
}

void BinaryOperator::hash(Hasher* hasher) const { hasher->add(binary, epilogue); }

}  // namespace tfsparse
