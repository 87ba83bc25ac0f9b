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
  const bool in_chw = copies_in_chw(builder, node);
  const MovedElements elements(*builder, x, in_chw);
  const Shape shape = elements.shape(size);
  const auto x_strides = elements.strides(builder->shape(x));
  const auto y_strides = elements.strides(size);
  std::vector<int> first = begin;
  if (!first.empty()) first.back() = elements.channels(first.back());
  std::vector<StridedCopy> copies(1);
  StridedCopy& copy = copies.front();
  copy.from = values.get(x, in_chw);
  for (std::size_t dim = 0; dim < x_strides.size(); ++dim) {
    const int every = step.empty() ? 1 : step[dim];
    copy.dims.push_back({shape[dim], every * x_strides[dim], y_strides[dim]});
    copy.from_offset += first[dim] * x_strides[dim];
  }
  const Value y = values.define(node.output, in_chw);
  builder->add(make_strided_copies("slice", elements, std::move(copies), y), node);
  return {};
}

// Without dimensions that are left out, in whole quads of an int8 tensor.
bool PartOfInput::copies_in_chw(PlanBuilder* builder, const Node& node) const {
  const int x = node.inputs[0];
  const bool skips_channels = !step.empty() && step.back() != 1 && builder->is_int8(x);
  return builder->values().has_chw(x) && size == builder->shape(node.output) && !skips_channels &&
         are_whole_quads(*builder, x, begin.empty() ? 0 : begin.back());
}

Status Slice::infer(ShapeContext* context, const Node& node) {
  const Shape& x = context->in(node, 0);
  Ints first, length;
  TFSPARSE_RETURN_IF_ERROR(context->ints(node.inputs[1], &first));
  TFSPARSE_RETURN_IF_ERROR(context->ints(node.inputs[2], &length));
  if (first.size() != x.size() || length.size() != x.size()) {
    return Status::error("begin and size do not fit input " + to_string(x));
  }
  size.clear();
  begin.clear();
  for (std::size_t dim = 0; dim < x.size(); ++dim) {
    if (first[dim] < 0 || first[dim] > x[dim] || length[dim] < -1 ||
        length[dim] > x[dim] - first[dim]) {
      return Status::error("slices beyond input " + to_string(x));
    }
    begin.push_back(static_cast<int>(first[dim]));
    size.push_back(static_cast<int>(length[dim] < 0 ? x[dim] - first[dim] : length[dim]));
  }
  context->set_out(node, size);
  return {};
}

std::string StridedSlice::unsupported_because(const SupportContext& context,
                                              const Node& node) const {
  const std::string reason = PartOfInput::unsupported_because(context, node);
  if (!reason.empty()) return reason;
  Ints steps;
  const bool forwards = read_ints(context.tensor(node.inputs[3]), &steps).ok() &&
                        std::all_of(steps.begin(), steps.end(),
                                    [](auto step) { return step >= 1 && step <= kMaxElements; });
  return forwards ? "" : "has a step below 1";
}

Status StridedSlice::infer(ShapeContext* context, const Node& node) {
  const Shape& x = context->in(node, 0);
  Ints first, last, every;
  TFSPARSE_RETURN_IF_ERROR(context->ints(node.inputs[1], &first));
  TFSPARSE_RETURN_IF_ERROR(context->ints(node.inputs[2], &last));
  TFSPARSE_RETURN_IF_ERROR(context->ints(node.inputs[3], &every));
  if (first.size() > x.size() || last.size() != first.size() || every.size() != first.size()) {
    return Status::error("begin, end and step do not fit input " + to_string(x));
  }
  begin.clear();
  size = x;
  step.assign(x.size(), 1);
  Shape shape;
  for (std::size_t dim = 0; dim < x.size(); ++dim) {
    begin.push_back(0);
    if (dim < first.size()) {
      step[dim] = static_cast<int>(every[dim]);
      TFSPARSE_RETURN_IF_ERROR(infer_dimension(dim, x[dim], first[dim], last[dim]));
    }
    if (!(shrink_axis_mask >> dim & 1)) shape.push_back(size[dim]);
  }
  context->set_out(node, shape);
  return {};
}

Status StridedSlice::infer_dimension(std::size_t dim, std::int64_t length, std::int64_t first,
                                     std::int64_t last) {
  const auto from_start = [length](std::int64_t i) {
    return std::clamp<std::int64_t>(i < 0 ? i + length : i, 0, length);
  };
  if (shrink_axis_mask >> dim & 1) {
    int index = 0;
    if (!normalize_axis(first, length, &index)) return Status::error("index is out of range");
    begin[dim] = index;
    size[dim] = step[dim] = 1;
    return {};
  }
  first = begin_mask >> dim & 1 ? 0 : from_start(first);
  last = end_mask >> dim & 1 ? length : from_start(last);
  begin[dim] = static_cast<int>(first);
  size[dim] = static_cast<int>(std::max<std::int64_t>(0, last - first + step[dim] - 1) / step[dim]);
  return {};
}

void StridedSlice::hash(Hasher* hasher) const {
  hasher->add(begin_mask, end_mask, shrink_axis_mask);
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
  size = shape;
  context->set_out(node, shape);
  return {};
}

void Split::hash(Hasher* hasher) const { hasher->add(parts_); }

}  // namespace tfsparse
