#include "delegate/core/operators/shapes/reshape.h"

#include <algorithm>

#include "delegate/core/assignment/estimate.h"
#include "delegate/core/graph/hasher.h"
#include "delegate/core/graph/infer.h"
#include "delegate/core/graph/support.h"
#include "delegate/core/plan/builder.h"

namespace tfsparse {

std::string Reshaping::unsupported_because(const SupportContext& context, const Node& node) const {
  return unsupported_input(context, node);
}

DefaultWork Reshaping::default_work(const WorkContext&, const Node&) const { return {}; }

DefaultWork Reshaping::default_int8_work(const WorkContext&, const Node&) const { return {}; }

Status Reshaping::build(PlanBuilder* builder, const Node& node) const {
  builder->values().define_alias(node.output, node.inputs[0]);
  return {};
}

Status Reshape::infer(ShapeContext* context, const Node& node) {
  Ints target(shape_.begin(), shape_.end());
  if (node.inputs.size() > 1) {
    TFSPARSE_RETURN_IF_ERROR(context->ints(node.inputs[1], &target));
  }
  const Shape& x = context->in(node, 0);
  const std::int64_t elements = element_count(x);
  int open = -1;
  Shape shape;
  for (std::int64_t dim : target) {
    if (dim < -1 || dim > kMaxElements || (dim == -1 && open >= 0)) {
      return Status::error("target shape is invalid");
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
  context->set_out(node, shape);
  return {};
}

void Reshape::hash(Hasher* hasher) const { hasher->add(shape_); }

std::vector<std::size_t> Reshape::shape_inputs(const Node& node) const {
  if (node.inputs.size() > 1) return {1};
  return {};
}

Status Squeeze::infer(ShapeContext* context, const Node& node) {
  const Shape& x = context->in(node, 0);
  std::vector<bool> dropped(x.size(), false);
  for (std::size_t dim = 0; axes_.empty() && dim < x.size(); ++dim) dropped[dim] = x[dim] == 1;
  for (int axis : axes_) {
    if (!normalize_axis(axis, x.size(), &axis) || x[axis] != 1) {
      return Status::error("cannot drop dimension " + std::to_string(axis) + " of " + to_string(x));
    }
    dropped[axis] = true;
  }
  Shape shape;
  for (std::size_t dim = 0; dim < x.size(); ++dim) {
    if (!dropped[dim]) shape.push_back(x[dim]);
  }
  context->set_out(node, shape);
  return {};
}

void Squeeze::hash(Hasher* hasher) const { hasher->add(axes_); }

std::string ExpandDims::unsupported_because(const SupportContext& context, const Node& node) const {
  return unsupported_parameters(context, node);
}

Status ExpandDims::infer(ShapeContext* context, const Node& node) {
  Shape shape = context->in(node, 0);
  int axis = 0;
  TFSPARSE_RETURN_IF_ERROR(context->axis(node.inputs[1], shape.size() + 1, &axis));
  shape.insert(shape.begin() + axis, 1);
  context->set_out(node, shape);
  return {};
}

}  // namespace tfsparse
