// Operators that give the same values another shape.
#include <algorithm>

#include "delegate/core/infer/rules.h"

namespace tfsparse {

Status infer_reshape(ShapeContext* context, Node* node) {
  Ints target(node->new_shape.begin(), node->new_shape.end());
  if (node->inputs.size() > 1) {
    TFSPARSE_RETURN_IF_ERROR(context->ints(node->inputs[1], &target));
  }
  const Shape& x = context->in(*node, 0);
  const std::int64_t elements = element_count(x);
  int open = -1;
  Shape shape;
  for (std::int64_t dim : target) {
    if (dim < -1 || dim > kMaxElements || (dim == -1 && open >= 0)) {
      return Status::error("target shape makes no sense");
    }
    if (dim == -1) open = static_cast<int>(shape.size());
    shape.push_back(static_cast<int>(dim));
  }
  if (open >= 0) {
    shape[open] = 1;
    const std::int64_t known = product_of(shape);
    shape[open] = known > 0 ? static_cast<int>(elements / known) : 0;
  }
  if (element_count(shape) != elements) {
    return Status::error("cannot reshape " + to_string(x) + " to " + to_string(shape));
  }
  context->set_out(*node, shape);
  return {};
}

Status infer_squeeze(ShapeContext* context, Node* node) {
  const Shape& x = context->in(*node, 0);
  std::vector<bool> dropped(x.size(), false);
  for (std::size_t dim = 0; node->axes.empty() && dim < x.size(); ++dim) dropped[dim] = x[dim] == 1;
  for (int axis : node->axes) {
    if (!normalize_axis(axis, x.size(), &axis) || x[axis] != 1) {
      return Status::error("cannot drop dimension " + std::to_string(axis) + " of " + to_string(x));
    }
    dropped[axis] = true;
  }
  Shape shape;
  for (std::size_t dim = 0; dim < x.size(); ++dim) {
    if (!dropped[dim]) shape.push_back(x[dim]);
  }
  context->set_out(*node, shape);
  return {};
}

Status infer_expand_dims(ShapeContext* context, Node* node) {
  Shape shape = context->in(*node, 0);
  int axis = 0;
  TFSPARSE_RETURN_IF_ERROR(context->axis(node->inputs[1], shape.size() + 1, &axis));
  shape.insert(shape.begin() + axis, 1);
  context->set_out(*node, shape);
  return {};
}

}  // namespace tfsparse
