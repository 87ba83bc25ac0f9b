#include "delegate/core/operators/shapes/shape_arithmetic.h"

#include <algorithm>
#include <numeric>

#include "delegate/core/assignment/estimate.h"
#include "delegate/core/graph/hasher.h"
#include "delegate/core/graph/infer.h"
#include "delegate/core/graph/support.h"

namespace tfsparse {
namespace {

std::vector<std::size_t> all_inputs(const Node& node) {
  std::vector<std::size_t> all(node.inputs.size());
  std::iota(all.begin(), all.end(), 0);
  return all;
}

}  // namespace

DefaultWork ShapeArithmetic::default_work(const WorkContext&, const Node&) const { return {}; }

Status ShapeOf::infer(ShapeContext* context, const Node& node) {
  const Shape& x = context->in(node, 0);
  context->set_ints(node.output, Ints(x.begin(), x.end()));
  context->set_out(node, {static_cast<int>(x.size())});
  return {};
}

std::string StridedSlice::unsupported_because(const SupportContext& context,
                                              const Node& node) const {
  std::vector<std::int64_t> values[3];
  for (int i = 0; i < 3; ++i) {
    if (!read_ints(context.tensor(node.inputs[i + 1]), &values[i]).ok() || values[i].size() != 1) {
      return "is not a slice of a shape with step 1";
    }
  }
  const bool plain = values[2][0] == 1 && other_masks == 0;
  const bool is_vector = context.tensor(node.inputs[0]).shape.size() == 1;
  return plain && is_vector ? "" : "is not a slice of a shape with step 1";
}

Status StridedSlice::infer(ShapeContext* context, const Node& node) {
  Ints x, begin, end, step;
  TFSPARSE_RETURN_IF_ERROR(context->ints(node.inputs[0], &x));
  TFSPARSE_RETURN_IF_ERROR(context->ints(node.inputs[1], &begin));
  TFSPARSE_RETURN_IF_ERROR(context->ints(node.inputs[2], &end));
  TFSPARSE_RETURN_IF_ERROR(context->ints(node.inputs[3], &step));
  if (begin.size() != 1 || end.size() != 1 || step != Ints{1} || other_masks != 0) {
    return Status::error("is not a slice of a shape with step 1");
  }
  const std::int64_t size = static_cast<std::int64_t>(x.size());
  const auto index = [size](std::int64_t i) {
    return std::clamp<std::int64_t>(i < 0 ? i + size : i, 0, size);
  };
  const std::int64_t first = begin_mask ? 0 : index(begin[0]);
  std::int64_t last = end_mask ? size : index(end[0]);
  if (shrink_axis_mask) last = first + 1;
  if (first >= last || last > size) return Status::error("slice is empty");
  context->set_ints(node.output, Ints(x.begin() + first, x.begin() + last));
  context->set_out(node, shrink_axis_mask ? Shape{} : Shape{static_cast<int>(last - first)});
  return {};
}

void StridedSlice::hash(Hasher* hasher) const {
  hasher->add(begin_mask, end_mask, shrink_axis_mask, other_masks);
}

std::vector<std::size_t> StridedSlice::shape_inputs(const Node& node) const {
  return all_inputs(node);
}

std::string Pack::unsupported_because(const SupportContext& context, const Node& node) const {
  for (int input : node.inputs) {
    const Tensor& value = context.tensor(input);
    const bool whole = value.type == DType::kInt32 || value.type == DType::kInt64;
    if (!whole || !value.shape.empty()) return "packs values other than sizes";
  }
  return "";
}

Status Pack::infer(ShapeContext* context, const Node& node) {
  Ints packed;
  for (int input : node.inputs) {
    Ints value;
    TFSPARSE_RETURN_IF_ERROR(context->ints(input, &value));
    if (value.size() != 1) return Status::error("packs values other than scalars");
    packed.push_back(value[0]);
  }
  context->set_out(node, {static_cast<int>(packed.size())});
  context->set_ints(node.output, packed);
  return {};
}

std::vector<std::size_t> Pack::shape_inputs(const Node& node) const { return all_inputs(node); }

}  // namespace tfsparse
