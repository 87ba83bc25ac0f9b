#include "delegate/core/operators/shapes/concatenation.h"

#include <utility>

#include "delegate/core/assignment/estimate.h"
#include "delegate/core/graph/hasher.h"
#include "delegate/core/graph/infer.h"
#include "delegate/core/graph/support.h"
#include "delegate/core/plan/builder.h"
#include "delegate/core/steps/strided_copy.h"

namespace tfsparse {

std::string Concatenation::unsupported_because(const SupportContext& context,
                                               const Node& node) const {
  const std::string reason = unsupported_inputs(context, node);
  return reason.empty() ? unsupported_scales(context, node) : reason;
}

Status Concatenation::infer(ShapeContext* context, const Node& node) {
  Shape shape = context->in(node, 0);
  int dim = 0;
  if (!normalize_axis(axis_, shape.size(), &dim)) {
    return Status::error("has no axis " + std::to_string(axis_) + " in " + to_string(shape));
  }
  std::int64_t length = 0;
  for (std::size_t i = 0; i < node.inputs.size(); ++i) {
    Shape x = context->in(node, static_cast<int>(i));
    if (x.size() == shape.size()) {
      length += x[dim];
      x[dim] = shape[dim];
    }
    if (x != shape || length > kMaxElements) {
      return Status::error("shapes " + to_string(shape) + " and " +
                           to_string(context->in(node, static_cast<int>(i))) + " do not fit");
    }
  }
  axis_ = dim;
  shape[axis_] = static_cast<int>(length);
  context->set_out(node, shape);
  return {};
}

DefaultWork Concatenation::default_work(const WorkContext& context, const Node& node) const {
  return context.pixel_move(node, 0);
}

Status Concatenation::build(PlanBuilder* builder, const Node& node) const {
  Values& values = builder->values();
  const bool in_chw = copies_in_chw(builder, node);
  const MovedElements elements(*builder, node.output, in_chw);
  const auto y_strides = elements.strides(builder->shape(node.output));
  std::vector<StridedCopy> copies;
  std::ptrdiff_t offset = 0;
  for (int x : node.inputs) {
    StridedCopy copy;
    const Tensor& tensor = builder->tensor(x);
    if (tensor.is_constant()) {
      TFSPARSE_RETURN_IF_ERROR(read_elements(tensor, builder->kernels(), &copy.constant));
    } else {
      copy.from = values.get(x, in_chw);
    }
    const Shape shape = elements.shape(tensor.shape);
    const auto x_strides = strides_of(shape, in_chw && !tensor.is_constant());
    for (std::size_t dim = 0; dim < x_strides.size(); ++dim) {
      copy.dims.push_back({shape[dim], x_strides[dim], y_strides[dim]});
    }
    copy.to_offset = offset;
    offset += shape[axis_] * y_strides[axis_];
    copies.push_back(std::move(copy));
  }
  const Value y = values.define(node.output, in_chw);
  builder->add(make_strided_copies("concatenate", elements, std::move(copies), y), node);
  return {};
}

// Of int8 inputs in CHW, quads are copied: each input but the last must fill its own, and constants
// are in TFLite's order.
bool Concatenation::copies_in_chw(PlanBuilder* builder, const Node& node) const {
  bool any_chw = false, fits = true;
  for (std::size_t i = 0; i < node.inputs.size(); ++i) {
    const int x = node.inputs[i];
    const Tensor& tensor = builder->tensor(x);
    any_chw = any_chw || builder->values().has_chw(x);
    if (!builder->is_int8(x)) continue;
    const bool joins_channels = axis_ + 1 == static_cast<int>(tensor.shape.size());
    const bool is_last = i + 1 == node.inputs.size();
    fits = fits && !tensor.is_constant() &&
           (!joins_channels || is_last || are_whole_quads(*builder, x, tensor.shape.back()));
  }
  return any_chw && fits;
}

void Concatenation::hash(Hasher* hasher) const { hasher->add(axis_); }

}  // namespace tfsparse
