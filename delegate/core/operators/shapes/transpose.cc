#include "delegate/core/operators/shapes/transpose.h"

#include <utility>

#include "delegate/core/graph/infer.h"
#include "delegate/core/graph/support.h"
#include "delegate/core/plan/builder.h"
#include "delegate/core/steps/strided_copy.h"

namespace tfsparse {

std::string Transpose::unsupported_because(const SupportContext& context, const Node& node) const {
  return unsupported_parameters(context, node);
}

Status Transpose::infer(ShapeContext* context, const Node& node) {
  const Shape& x = context->in(node, 0);
  Ints order;
  TFSPARSE_RETURN_IF_ERROR(context->ints(node.inputs[1], &order));
  std::vector<bool> taken(x.size(), false);
  Shape shape;
  order_.clear();
  for (std::int64_t from : order) {
    int dim = 0;
    if (!normalize_axis(from, x.size(), &dim) || taken[dim]) break;
    taken[dim] = true;
    order_.push_back(dim);
    shape.push_back(x[dim]);
  }
  if (shape.size() != x.size() || order.size() != x.size()) {
    return Status::error("permutation does not fit " + std::to_string(x.size()) + " dimensions");
  }
  context->set_out(node, shape);
  return {};
}

Status Transpose::build(PlanBuilder* builder, const Node& node) const {
  Values& values = builder->values();
  const int x = node.inputs[0];
  const bool keeps_channels =
      order_.empty() || order_.back() + 1 == static_cast<int>(order_.size());
  const bool from_chw = values.has_chw(x) && (keeps_channels || !builder->is_int8(x));
  const MovedElements elements(*builder, x, from_chw);
  const Shape shape = elements.shape(builder->shape(node.output));
  const auto x_strides = elements.strides(builder->shape(x));
  std::vector<StridedCopy> copies(1);
  StridedCopy& copy = copies.front();
  copy.from = values.get(x, from_chw);
  std::vector<std::ptrdiff_t> moved;
  for (int dim : order_) moved.push_back(x_strides[dim]);
  // Choose the layout that keeps contiguous runs contiguous: between NCHW and NHWC, channel planes
  // are then copied. Quads stay quads.
  const bool to_chw = builder->is_int8(x) ? from_chw : is_image(shape) && moved.back() != 1;
  const auto y_strides = strides_of(shape, to_chw);
  for (std::size_t dim = 0; dim < moved.size(); ++dim) {
    copy.dims.push_back({shape[dim], moved[dim], y_strides[dim]});
  }
  const Value y = values.define(node.output, to_chw);
  builder->add(make_strided_copies("transpose", elements, std::move(copies), y), node);
  return {};
}

}  // namespace tfsparse
