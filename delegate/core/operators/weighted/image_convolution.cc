#include "delegate/core/operators/weighted/image_convolution.h"

#include <algorithm>
#include <utility>

#include "delegate/core/plan/builder.h"
#include "delegate/core/weights/weights.h"

namespace tfsparse {
namespace {

// Whether the input with its border of zeros fits into memory.
bool border_is_sane(const Window& window, int channels, const Shape& w, const Shape& y) {
  const auto reach = [](std::int64_t size, std::int64_t kernel, std::int64_t stride,
                        std::int64_t dilation) {
    return std::max<std::int64_t>(size - 1, 0) * stride + (kernel - 1) * dilation + stride;
  };
  const std::int64_t rows = reach(y[1], w[1], window.stride_h, window.dilation_h);
  const std::int64_t columns = reach(y[2], w[2], window.stride_w, window.dilation_w);
  return rows <= kMaxElements && columns <= kMaxElements && rows * columns <= kMaxElements &&
         rows * columns * channels <= kMaxElements;
}

}  // namespace

std::string ImageConvolution::unsupported_window(const SupportContext& context,
                                                 const Node& node) const {
  const Shape& w = context.stored_shape(node.inputs[1]);
  const int least = std::min(
      {window.stride_h, window.stride_w, window.dilation_h, window.dilation_w, w[1], w[2]});
  return least < 1 ? "stride, dilation or kernel below 1" : "";
}

bool ImageConvolution::computes_in(DType type) const { return is_float32_or_int8(type); }

Status ImageConvolution::infer(ShapeContext* context, const Node& node) {
  const Shape& x = context->in(node, 0);
  const Shape& w = context->in(node, 1);
  const bool are_images = x.size() == 4 && w.size() == 4 && w[1] >= 1 && w[2] >= 1;
  const int channels = are_images ? output_channels(x, w) : -1;
  if (channels < 0) {
    return Status::error("input " + to_string(x) + " does not fit weights " + to_string(w));
  }
  TFSPARSE_RETURN_IF_ERROR(check_bias(*context, node, channels));
  const Extent size = window.slide({x[1], x[2]}, {w[1], w[2]});
  const Shape y = {x[0], size.height, size.width, channels};
  if (!border_is_sane(window, std::max(x[3], w[3]), w, y)) {
    return Status::error("window of weights " + to_string(w) + " is too large");
  }
  context->set_out(node, y);
  return {};
}

Status ImageConvolution::build(PlanBuilder* builder, const Node& node) const {
  std::unique_ptr<RowStep> step;
  TFSPARSE_RETURN_IF_ERROR(make_step(builder, node, nullptr, nullptr, &step));
  builder->add(std::move(step), node);
  return {};
}

void ImageConvolution::hash(Hasher* hasher) const {
  window.hash(hasher);
  hasher->add(epilogue);
}

RowInput ImageConvolution::input(PlanBuilder* builder, const Node& node, const ChwLayout* x) {
  RowInput input;
  input.chw = chw_layout(builder->shape(node.inputs[0]));
  if (x != nullptr) {
    input.chw.stride = x->stride;
  } else {
    Values& values = builder->values();
    input.value = values.padded(values.chw(node.inputs[0]));
  }
  return input;
}

PaddedValue ImageConvolution::output(PlanBuilder* builder, const Node& node, const ChwLayout* y) {
  if (y != nullptr) return {};
  Values& values = builder->values();
  return values.padded(values.define_chw(node.output));
}

}  // namespace tfsparse
