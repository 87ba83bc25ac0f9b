// Operators that summarise along axes.
#include <algorithm>

#include "delegate/core/infer/rules.h"

namespace tfsparse {

Status infer_reduction(ShapeContext* context, Node* node) {
  const Shape& x = context->in(*node, 0);
  Ints axes;
  TFSPARSE_RETURN_IF_ERROR(context->ints(node->inputs[1], &axes));
  std::vector<bool> reduced(x.size(), false);
  for (std::int64_t axis : axes) {
    int dim = 0;
    if (!normalize_axis(axis, x.size(), &dim)) {
      return Status::error("has no axis " + std::to_string(axis) + " in " + to_string(x));
    }
    reduced[dim] = true;
  }
  Shape shape;
  node->axes.clear();
  for (std::size_t dim = 0; dim < x.size(); ++dim) {
    if (reduced[dim]) node->axes.push_back(static_cast<int>(dim));
    if (!reduced[dim] || node->keep_dims) shape.push_back(reduced[dim] ? 1 : x[dim]);
  }
  context->set_out(*node, shape);
  return {};
}

}  // namespace tfsparse
