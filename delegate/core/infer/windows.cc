// Convolutions and pooling, which slide a window over an image, and resizing.
#include <algorithm>

#include "delegate/core/infer/rules.h"
#include "delegate/core/transpose_conv.h"

namespace tfsparse {
namespace {

// The output's length along one axis, and the padding before it. TFLite's rules.
int window(Padding padding, std::int64_t size, std::int64_t kernel, std::int64_t stride,
           std::int64_t dilation, int* before) {
  const std::int64_t reach = (kernel - 1) * dilation + 1;
  if (padding == Padding::kSame) {
    const std::int64_t length = (size + stride - 1) / stride;
    const std::int64_t total = std::max<std::int64_t>((length - 1) * stride + reach - size, 0);
    *before = static_cast<int>(std::min(total, kMaxElements) / 2);
    return static_cast<int>(length);
  }
  *before = 0;
  return size < reach ? 0 : static_cast<int>((size - reach) / stride + 1);
}

// The input with its border of zeros, as far as the window reaches, has to fit into memory.
bool border_is_sane(const Node& node, const Shape& w, const Shape& y) {
  const auto reach = [](std::int64_t size, std::int64_t kernel, std::int64_t stride,
                        std::int64_t dilation) {
    return std::max<std::int64_t>(size - 1, 0) * stride + (kernel - 1) * dilation + stride;
  };
  const std::int64_t rows = reach(y[1], w[1], node.stride_h, node.dilation_h);
  const std::int64_t columns = reach(y[2], w[2], node.stride_w, node.dilation_w);
  return rows <= kMaxElements && columns <= kMaxElements && rows * columns <= kMaxElements &&
         rows * columns * w[3] <= kMaxElements;
}

// A depthwise convolution makes a whole number of outputs from each input channel.
bool channels_fit(const Node& node, const Shape& x, const Shape& w) {
  if (node.op == Op::kConv2D) return x[3] == w[3];
  return x[3] > 0 && w[3] % x[3] == 0;
}

}  // namespace

Status infer_convolution(ShapeContext* context, Node* node) {
  const Shape& x = context->in(*node, 0);
  const Shape& w = context->in(*node, 1);
  if (x.size() != 4 || w.size() != 4 || w[1] < 1 || w[2] < 1 || !channels_fit(*node, x, w)) {
    return Status::error("input " + to_string(x) + " does not fit weights " + to_string(w));
  }
  const int channels = node->op == Op::kConv2D ? w[0] : w[3];
  TFSPARSE_RETURN_IF_ERROR(check_bias(*context, *node, channels));
  const int height =
      window(node->padding, x[1], w[1], node->stride_h, node->dilation_h, &node->pad_top);
  const int width =
      window(node->padding, x[2], w[2], node->stride_w, node->dilation_w, &node->pad_left);
  const Shape y = {x[0], height, width, channels};
  if (!border_is_sane(*node, w, y)) {
    return Status::error("window of weights " + to_string(w) + " is too large");
  }
  context->set_out(*node, y);
  return {};
}

// The output's size is given, as several lead to one input: it has to be the size of an image that
// a convolution would shrink to the input.
Status infer_transpose_conv(ShapeContext* context, Node* node) {
  const Shape& x = context->in(*node, 0);
  const Shape& w = context->in(*node, 1);
  Ints size;
  TFSPARSE_RETURN_IF_ERROR(context->ints(node->inputs[3], &size));
  if (x.size() != 4 || w.size() != 4 || w[1] < 1 || w[2] < 1 || x[3] != w[3]) {
    return Status::error("input " + to_string(x) + " does not fit weights " + to_string(w));
  }
  TFSPARSE_RETURN_IF_ERROR(check_bias(*context, *node, w[0]));
  const auto is_size = [](std::int64_t n) { return n >= 0 && n <= kMaxElements; };
  if (size.size() != 4 || !std::all_of(size.begin(), size.end(), is_size)) {
    return Status::error("output shape is not four sizes");
  }
  const Shape y(size.begin(), size.end());
  const int height = window(node->padding, y[1], w[1], node->stride_h, 1, &node->pad_top);
  const int width = window(node->padding, y[2], w[2], node->stride_w, 1, &node->pad_left);
  if (y[0] != x[0] || y[3] != w[0] || std::min(height, width) < 1 || height != x[1] ||
      width != x[2]) {
    return Status::error("output " + to_string(y) + " does not come from input " + to_string(x) +
                         " by weights " + to_string(w));
  }
  const TransposeWindow axes = transpose_window(*node, w, y);
  const std::int64_t pixels = static_cast<std::int64_t>(axes.rows.bordered) * axes.columns.bordered;
  if (pixels > kMaxElements || pixels * w[3] > kMaxElements ||
      pixels * node->stride_w > kMaxElements) {
    return Status::error("window of weights " + to_string(w) + " is too large");
  }
  context->set_out(*node, y);
  return {};
}

Status infer_pool(ShapeContext* context, Node* node) {
  const Shape& x = context->in(*node, 0);
  if (x.size() != 4) return Status::error("pools " + to_string(x) + ", which is no image");
  const int height = window(node->padding, x[1], node->window_h, node->stride_h, 1, &node->pad_top);
  const int width = window(node->padding, x[2], node->window_w, node->stride_w, 1, &node->pad_left);
  context->set_out(*node, {x[0], height, width, x[3]});
  return {};
}

Status infer_resize(ShapeContext* context, Node* node) {
  const Shape& x = context->in(*node, 0);
  if (x.size() != 4) return Status::error("resizes " + to_string(x) + ", which is no image");
  Ints size;
  TFSPARSE_RETURN_IF_ERROR(context->ints(node->inputs[1], &size));
  constexpr std::int64_t kMost = 1 << 20;
  if (size.size() != 2 || std::min(size[0], size[1]) < 1 || std::max(size[0], size[1]) > kMost) {
    return Status::error("size is not two numbers from 1 to " + std::to_string(kMost));
  }
  if (x[1] == 0 || x[2] == 0) return Status::error("resizes an image without pixels");
  context->set_out(*node, {x[0], static_cast<int>(size[0]), static_cast<int>(size[1]), x[3]});
  return {};
}

}  // namespace tfsparse
