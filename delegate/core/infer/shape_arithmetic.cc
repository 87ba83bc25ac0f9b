// Integer operators by which models with open sizes compute the shapes of their reshapes.
#include <algorithm>

#include "delegate/core/infer/rules.h"

namespace tfsparse {

Status infer_shape(ShapeContext* context, Node* node) {
  const Shape& x = context->in(*node, 0);
  context->set_ints(node->output, Ints(x.begin(), x.end()));
  context->set_out(*node, {static_cast<int>(x.size())});
  return {};
}

// A slice of a shape: one dimension, step 1.
Status infer_strided_slice(ShapeContext* context, Node* node) {
  Ints x, begin, end, step;
  TFSPARSE_RETURN_IF_ERROR(context->ints(node->inputs[0], &x));
  TFSPARSE_RETURN_IF_ERROR(context->ints(node->inputs[1], &begin));
  TFSPARSE_RETURN_IF_ERROR(context->ints(node->inputs[2], &end));
  TFSPARSE_RETURN_IF_ERROR(context->ints(node->inputs[3], &step));
  if (begin.size() != 1 || end.size() != 1 || step != Ints{1} || node->other_masks != 0) {
    return Status::error("is no plain slice of a shape");
  }
  const std::int64_t size = static_cast<std::int64_t>(x.size());
  const auto place = [size](std::int64_t i) {
    return std::clamp<std::int64_t>(i < 0 ? i + size : i, 0, size);
  };
  const std::int64_t first = node->begin_mask ? 0 : place(begin[0]);
  std::int64_t last = node->end_mask ? size : place(end[0]);
  if (node->shrink_axis_mask) last = first + 1;
  if (first >= last || last > size) return Status::error("slices nothing");
  context->set_ints(node->output, Ints(x.begin() + first, x.begin() + last));
  context->set_out(*node, node->shrink_axis_mask ? Shape{} : Shape{static_cast<int>(last - first)});
  return {};
}

Status infer_pack(ShapeContext* context, Node* node) {
  Ints packed;
  for (int input : node->inputs) {
    Ints value;
    TFSPARSE_RETURN_IF_ERROR(context->ints(input, &value));
    if (value.size() != 1) return Status::error("packs no scalars");
    packed.push_back(value[0]);
  }
  context->set_out(*node, {static_cast<int>(packed.size())});
  context->set_ints(node->output, packed);
  return {};
}

}  // namespace tfsparse
