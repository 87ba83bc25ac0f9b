// Operators that move values without changing them.
#include <algorithm>

#include "delegate/core/infer/rules.h"

namespace tfsparse {

Status infer_pad(ShapeContext* context, Node* node) {
  Ints amounts;
  TFSPARSE_RETURN_IF_ERROR(context->ints(node->inputs[1], &amounts));
  Shape shape = context->in(*node, 0);
  if (amounts.size() != 2 * shape.size()) {
    return Status::error(std::to_string(amounts.size()) + " amounts do not fit input " +
                         to_string(shape));
  }
  node->begin.clear();
  for (std::size_t dim = 0; dim < shape.size(); ++dim) {
    const std::int64_t before = amounts[2 * dim], after = amounts[2 * dim + 1];
    constexpr std::int64_t kMost = 1 << 20;
    if (before < 0 || after < 0 || before > kMost || after > kMost ||
        shape[dim] > kMaxElements - before - after) {
      return Status::error("pads by an amount that is negative or huge");
    }
    shape[dim] += static_cast<int>(before + after);
    node->begin.push_back(static_cast<int>(before));
  }
  context->set_out(*node, shape);
  return {};
}

Status infer_transpose(ShapeContext* context, Node* node) {
  const Shape& x = context->in(*node, 0);
  Ints order;
  TFSPARSE_RETURN_IF_ERROR(context->ints(node->inputs[1], &order));
  std::vector<bool> taken(x.size(), false);
  Shape shape;
  node->order.clear();
  for (std::int64_t from : order) {
    int dim = 0;
    if (!normalize_axis(from, x.size(), &dim) || taken[dim]) break;
    taken[dim] = true;
    node->order.push_back(dim);
    shape.push_back(x[dim]);
  }
  if (shape.size() != x.size() || order.size() != x.size()) {
    return Status::error("its order is no permutation of " + std::to_string(x.size()) +
                         " dimensions");
  }
  context->set_out(*node, shape);
  return {};
}

Status infer_concatenation(ShapeContext* context, Node* node) {
  Shape shape = context->in(*node, 0);
  int axis = 0;
  if (!normalize_axis(node->axis, shape.size(), &axis)) {
    return Status::error("has no axis " + std::to_string(node->axis) + " in " + to_string(shape));
  }
  std::int64_t length = 0;
  for (std::size_t i = 0; i < node->inputs.size(); ++i) {
    Shape x = context->in(*node, static_cast<int>(i));
    if (x.size() == shape.size()) {
      length += x[axis];
      x[axis] = shape[axis];
    }
    if (x != shape || length > kMaxElements) {
      return Status::error("shapes " + to_string(shape) + " and " +
                           to_string(context->in(*node, static_cast<int>(i))) + " do not fit");
    }
  }
  node->axis = axis;
  shape[axis] = static_cast<int>(length);
  context->set_out(*node, shape);
  return {};
}

Status infer_split(ShapeContext* context, Node* node) {
  Shape shape = context->in(*node, 0);
  int axis = 0;
  TFSPARSE_RETURN_IF_ERROR(context->axis(node->inputs[1], shape.size(), &axis));
  Ints sizes(node->parts, shape[axis] / node->parts);
  if (node->inputs.size() > 2) TFSPARSE_RETURN_IF_ERROR(context->ints(node->inputs[2], &sizes));
  std::int64_t total = 0;
  for (std::int64_t size : sizes) total += size < -1 || size > kMaxElements ? kMaxElements : size;
  const auto open = std::find(sizes.begin(), sizes.end(), -1);  // takes what the others leave
  if (open != sizes.end()) {
    *open = shape[axis] - (total + 1);
    total = shape[axis];
  }
  if (sizes.size() != static_cast<std::size_t>(node->parts) || total != shape[axis] ||
      *std::min_element(sizes.begin(), sizes.end()) < 0) {
    return Status::error("cannot cut axis " + std::to_string(axis) + " of " + to_string(shape) +
                         " into its " + std::to_string(node->parts) + " parts");
  }
  node->begin.assign(shape.size(), 0);
  for (int part = 0; part < node->part; ++part) {
    node->begin[axis] += static_cast<int>(sizes[part]);
  }
  shape[axis] = static_cast<int>(sizes[node->part]);
  context->set_out(*node, shape);
  return {};
}

Status infer_slice(ShapeContext* context, Node* node) {
  const Shape& x = context->in(*node, 0);
  Ints begin, size;
  TFSPARSE_RETURN_IF_ERROR(context->ints(node->inputs[1], &begin));
  TFSPARSE_RETURN_IF_ERROR(context->ints(node->inputs[2], &size));
  if (begin.size() != x.size() || size.size() != x.size()) {
    return Status::error("begin and size do not fit input " + to_string(x));
  }
  Shape shape;
  node->begin.clear();
  for (std::size_t dim = 0; dim < x.size(); ++dim) {
    if (begin[dim] < 0 || begin[dim] > x[dim] || size[dim] < -1 ||
        size[dim] > x[dim] - begin[dim]) {
      return Status::error("slices beyond input " + to_string(x));
    }
    node->begin.push_back(static_cast<int>(begin[dim]));
    shape.push_back(static_cast<int>(size[dim] < 0 ? x[dim] - begin[dim] : size[dim]));
  }
  context->set_out(*node, shape);
  return {};
}

Status infer_space_to_depth(ShapeContext* context, Node* node) {
  const Shape& x = context->in(*node, 0);
  const int block = node->block_size;
  if (x.size() != 4 || x[1] % block != 0 || x[2] % block != 0 ||
      x[3] > kMaxElements / block / block) {
    return Status::error("blocks of " + std::to_string(block) + " pixels do not fit input " +
                         to_string(x));
  }
  context->set_out(*node, {x[0], x[1] / block, x[2] / block, x[3] * block * block});
  return {};
}

Status infer_depth_to_space(ShapeContext* context, Node* node) {
  const Shape& x = context->in(*node, 0);
  const int block = node->block_size;
  if (x.size() != 4 || x[3] % (block * block) != 0 || std::max(x[1], x[2]) > kMaxElements / block) {
    return Status::error("blocks of " + std::to_string(block) + " pixels do not fit input " +
                         to_string(x));
  }
  context->set_out(*node, {x[0], x[1] * block, x[2] * block, x[3] / (block * block)});
  return {};
}

}  // namespace tfsparse
