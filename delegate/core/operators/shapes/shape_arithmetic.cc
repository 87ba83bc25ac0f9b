#include "delegate/core/operators/shapes/shape_arithmetic.h"

#include <algorithm>
#include <numeric>

#include "delegate/core/assignment/estimate.h"
#include "delegate/core/graph/hasher.h"
#include "delegate/core/graph/infer.h"
#include "delegate/core/graph/sizes.h"
#include "delegate/core/graph/support.h"

namespace tfsparse {
namespace {

constexpr const char* kNoSizes = "is not arithmetic on shapes";

// Returns false on overflow.
bool compute(Binary binary, std::int64_t a, std::int64_t b, std::int64_t* result) {
  switch (binary) {
    case Binary::kAdd:
      return !__builtin_add_overflow(a, b, result);
    case Binary::kSub:
      return !__builtin_sub_overflow(a, b, result);
    case Binary::kMul:
      return !__builtin_mul_overflow(a, b, result);
    case Binary::kMax:
      *result = std::max(a, b);
      return true;
    default:
      *result = std::min(a, b);
      return true;
  }
}

}  // namespace

std::string ShapeArithmetic::unsupported_because(const SupportContext& context,
                                                 const Node& node) const {
  const bool fits = std::all_of(node.inputs.begin(), node.inputs.end(), [&](int input) {
    const Tensor& tensor = context.tensor(input);
    const bool is_integer = tensor.type == DType::kInt32 || tensor.type == DType::kInt64;
    return is_integer && tensor.shape.size() <= 1;
  });
  return fits ? "" : kNoSizes;
}

std::vector<std::size_t> ShapeArithmetic::shape_inputs(const Node& node) const {
  std::vector<std::size_t> all(node.inputs.size());
  std::iota(all.begin(), all.end(), 0);
  return all;
}

DefaultWork ShapeArithmetic::default_work(const WorkContext&, const Node&) const { return {}; }

Status ShapeOf::infer(ShapeContext* context, const Node& node) {
  const Shape& x = context->in(node, 0);
  context->set_ints(node.output, Ints(x.begin(), x.end()));
  context->set_out(node, {static_cast<int>(x.size())});
  return {};
}

std::string SliceOfSizes::unsupported_because(const SupportContext& context,
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

Status SliceOfSizes::infer(ShapeContext* context, const Node& node) {
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

void SliceOfSizes::hash(Hasher* hasher) const {
  hasher->add(begin_mask, end_mask, shrink_axis_mask, other_masks);
}

Status GatherSizes::infer(ShapeContext* context, const Node& node) {
  Ints x, positions, gathered;
  TFSPARSE_RETURN_IF_ERROR(context->ints(node.inputs[0], &x));
  TFSPARSE_RETURN_IF_ERROR(context->ints(node.inputs[1], &positions));
  for (std::int64_t position : positions) {
    int at = 0;
    if (!normalize_axis(position, x.size(), &at)) {
      return Status::error("gathers a number that does not exist");
    }
    gathered.push_back(x[at]);
  }
  context->set_out(node, context->in(node, 1));
  context->set_ints(node.output, gathered);
  return {};
}

std::string JoinSizes::unsupported_because(const SupportContext& context, const Node& node) const {
  const bool fits = std::all_of(node.inputs.begin(), node.inputs.end(), [&](int input) {
    return context.tensor(input).shape.size() == rank_;
  });
  return fits ? ShapeArithmetic::unsupported_because(context, node) : kNoSizes;
}

Status JoinSizes::infer(ShapeContext* context, const Node& node) {
  Ints joined;
  for (int input : node.inputs) {
    Ints values;
    TFSPARSE_RETURN_IF_ERROR(context->ints(input, &values));
    if (rank_ == 0 && values.size() != 1) return Status::error("packs values other than scalars");
    joined.insert(joined.end(), values.begin(), values.end());
  }
  context->set_out(node, {static_cast<int>(joined.size())});
  context->set_ints(node.output, joined);
  return {};
}

Status ProductOfSizes::infer(ShapeContext* context, const Node& node) {
  Ints x;
  int axis = 0;
  TFSPARSE_RETURN_IF_ERROR(context->ints(node.inputs[0], &x));
  TFSPARSE_RETURN_IF_ERROR(context->axis(node.inputs[1], 1, &axis));
  if (std::any_of(x.begin(), x.end(), [](std::int64_t size) { return size < 0; })) {
    return Status::error("multiplies a negative size");
  }
  context->set_out(node, keep_dims_ ? Shape{1} : Shape{});
  context->set_ints(node.output, {product_of(x)});
  return {};
}

void ProductOfSizes::hash(Hasher* hasher) const { hasher->add(keep_dims_); }

Status SizeArithmetic::infer(ShapeContext* context, const Node& node) {
  Ints a, b, result;
  TFSPARSE_RETURN_IF_ERROR(context->ints(node.inputs[0], &a));
  TFSPARSE_RETURN_IF_ERROR(context->ints(node.inputs[1], &b));
  const std::size_t count = a.size() == 1 ? b.size() : a.size();
  if (b.size() != count && b.size() != 1) return Status::error("sizes do not fit");
  for (std::size_t i = 0; i < count; ++i) {
    std::int64_t value = 0;
    if (!compute(binary_, a[a.size() == 1 ? 0 : i], b[b.size() == 1 ? 0 : i], &value)) {
      return Status::error("arithmetic on shapes overflows");
    }
    result.push_back(value);
  }
  const Shape &shape_a = context->in(node, 0), &shape_b = context->in(node, 1);
  context->set_out(node, shape_a.size() > shape_b.size() || a.size() == count ? shape_a : shape_b);
  context->set_ints(node.output, result);
  return {};
}

void SizeArithmetic::hash(Hasher* hasher) const { hasher->add(binary_); }

}  // namespace tfsparse
