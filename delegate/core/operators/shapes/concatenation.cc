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
  return unsupported_inputs(context, node);
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
  bool in_chw = false;
  for (int x : node.inputs) in_chw = in_chw || values.has_chw(x);
  const auto y_strides = strides_of(builder->shape(node.output), in_chw);
  std::vector<StridedCopy> copies;
  std::ptrdiff_t offset = 0;
  for (int x : node.inputs) {
    StridedCopy copy;
    const Tensor& tensor = builder->tensor(x);
    if (tensor.is_constant()) {
      TFSPARSE_RETURN_IF_ERROR(read_floats(tensor, &copy.constant));
    } else {
      copy.from = values.get(x, in_chw);
    }
    const auto x_strides = strides_of(tensor.shape, in_chw && !tensor.is_constant());
    for (std::size_t dim = 0; dim < x_strides.size(); ++dim) {
      copy.dims.push_back({tensor.shape[dim], x_strides[dim], y_strides[dim]});
    }
    copy.to_offset = offset;
    offset += tensor.shape[axis_] * y_strides[axis_];
    copies.push_back(std::move(copy));
  }
  const Value y = values.define(node.output, in_chw);
  builder->add(make_strided_copies("concatenate", std::move(copies), y, builder->kernels()), node);
  return {};
}

void Concatenation::hash(Hasher* hasher) const { hasher->add(axis_); }

}  // namespace tfsparse
