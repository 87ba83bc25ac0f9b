#include "delegate/core/operators/shapes/slice.h"

#include <algorithm>
#include <utility>

#include "delegate/core/graph/hasher.h"
#include "delegate/core/graph/infer.h"
#include "delegate/core/graph/support.h"
#include "delegate/core/plan/builder.h"
#include "delegate/core/steps/strided_copy.h"

namespace tfsparse {

std::string PartOfInput::unsupported_because(const SupportContext& context,
                                             const Node& node) const {
  return unsupported_parameters(context, node);
}

Status PartOfInput::build(PlanBuilder* builder, const Node& node) const {
  Values& values = builder->values();
  const int x = node.inputs[0];
  const bool in_chw =
      values.has_chw(x) && are_whole_quads(*builder, x, begin.empty() ? 0 : begin.back());
  const MovedElements elements(*builder, x, in_chw);
  const Shape shape = elements.shape(builder->shape(node.output));
  const auto x_strides = elements.strides(builder->shape(x));
  const auto y_strides = elements.strides(builder->shape(node.output));
  std::vector<int> first = begin;
  if (!first.empty()) first.back() = elements.channels(first.back());
  std::vector<StridedCopy> copies(1);
  StridedCopy& copy = copies.front();
  copy.from = values.get(x, in_chw);
  for (std::size_t dim = 0; dim < x_strides.size(); ++dim) {
    copy.dims.push_back({shape[dim], x_strides[dim], y_strides[dim]});
    copy.from_offset += first[dim] * x_strides[dim];
  }
  const Value y = values.define(node.output, in_chw);
  builder->add(make_strided_copies("slice", elements, std::move(copies), y), node);
  return {};
}

Status Slice::infer(ShapeContext* context, const Node& node) {
  const Shape& x = context->in(node, 0);
  Ints first, size;
  TFSPARSE_RETURN_IF_ERROR(context->ints(node.inputs[1], &first));
  TFSPARSE_RETURN_IF_ERROR(context->ints(node.inputs[2], &size));
  if (first.size() != x.size() || size.size() != x.size()) {
    return Status::error("begin and size do not fit input " + to_string(x));
  }
  Shape shape;
  begin.clear();
  for (std::size_t dim = 0; dim < x.size(); ++dim) {
    if (first[dim] < 0 || first[dim] > x[dim] || size[dim] < -1 ||
        size[dim] > x[dim] - first[dim]) {
      return Status::error("slices beyond input " + to_string(x));
    }
    begin.push_back(static_cast<int>(first[dim]));
    shape.push_back(static_cast<int>(size[dim] < 0 ? x[dim] - first[dim] : size[dim]));
  }
  context->set_out(node, shape);
  return {};
}

Status Split::infer(ShapeContext* context, const Node& node) {
  Shape shape = context->in(node, 0);
  int axis = 0;
  TFSPARSE_RETURN_IF_ERROR(context->axis(node.inputs[1], shape.size(), &axis));
  Ints sizes(parts_, shape[axis] / parts_);
  if (node.inputs.size() > 2) TFSPARSE_RETURN_IF_ERROR(context->ints(node.inputs[2], &sizes));
  std::int64_t total = 0;
  for (std::int64_t size : sizes) total += size < -1 || size > kMaxElements ? kMaxElements : size;
  const auto open = std::find(sizes.begin(), sizes.end(), -1);  // the remainder
  if (open != sizes.end()) {
    *open = shape[axis] - (total + 1);
    total = shape[axis];
  }
  if (sizes.size() != static_cast<std::size_t>(parts_) || total != shape[axis] ||
      *std::min_element(sizes.begin(), sizes.end()) < 0) {
    return Status::error("cannot cut axis " + std::to_string(axis) + " of " + to_string(shape) +
                         " into its " + std::to_string(parts_) + " parts");
  }
  begin.assign(shape.size(), 0);
  for (int part = 0; part < node.output_index; ++part) {
    begin[axis] += static_cast<int>(sizes[part]);
  }
  shape[axis] = static_cast<int>(sizes[node.output_index]);
  context->set_out(node, shape);
  return {};
}

void Split::hash(Hasher* hasher) const { hasher->add(parts_); }

}  // namespace tfsparse
