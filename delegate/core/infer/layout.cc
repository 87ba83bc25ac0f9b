// Operators that move values without changing them.
#include "delegate/core/infer/rules.h"

namespace tfsparse {

Status infer_pad(ShapeContext* context, Node* node) {
  Ints amounts;
  TFSPARSE_RETURN_IF_ERROR(context->ints(node->inputs[1], &amounts));
  const Shape& x = context->in(*node, 0);
  if (x.size() != 4 || amounts.size() != 8) return Status::error("pads no image");
  Shape shape = x;
  for (int dim = 0; dim < 4; ++dim) {
    const std::int64_t before = amounts[2 * dim], after = amounts[2 * dim + 1];
    const bool spatial = dim == 1 || dim == 2;
    constexpr std::int64_t kMost = 1 << 20;
    if (before < 0 || after < 0 || before > kMost || after > kMost ||
        (!spatial && before + after > 0)) {
      return Status::error("pads by an amount that is negative, huge or not spatial");
    }
    shape[dim] += static_cast<int>(before + after);
  }
  node->pad_top = static_cast<int>(amounts[2]);
  node->pad_left = static_cast<int>(amounts[4]);
  context->set_out(*node, shape);
  return {};
}

Status infer_reshape(ShapeContext* context, Node* node) {
  Ints target(node->new_shape.begin(), node->new_shape.end());
  if (node->inputs.size() > 1) {
    TFSPARSE_RETURN_IF_ERROR(context->ints(node->inputs[1], &target));
  }
  const Shape& x = context->in(*node, 0);
  const std::int64_t elements = element_count(x);
  std::int64_t known = 1;
  int open = -1;
  Shape shape;
  for (std::int64_t dim : target) {
    if (dim < -1 || dim > kMaxElements || (dim == -1 && open >= 0)) {
      return Status::error("target shape makes no sense");
    }
    if (dim == -1) open = static_cast<int>(shape.size());
    if (dim > 0 && known > kMaxElements / dim) return Status::error("target shape is too large");
    known *= dim == -1 ? 1 : dim;
    shape.push_back(static_cast<int>(dim));
  }
  if (open >= 0) shape[open] = known > 0 ? static_cast<int>(elements / known) : 0;
  if (element_count(shape) != elements) {
    return Status::error("cannot reshape " + to_string(x) + " to " + to_string(shape));
  }
  context->set_out(*node, shape);
  return {};
}

}  // namespace tfsparse
