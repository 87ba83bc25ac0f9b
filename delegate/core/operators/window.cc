#include "delegate/core/operators/window.h"

#include <algorithm>

#include "delegate/core/graph/shape.h"

namespace tfsparse {
namespace {

// The output's length and the padding before the input along one axis, by TFLite's rules.
int length(Padding padding, std::int64_t size, std::int64_t kernel, std::int64_t stride,
           std::int64_t dilation, int* before) {
  const std::int64_t reach = (kernel - 1) * dilation + 1;
  if (padding == Padding::kSame) {
    const std::int64_t count = (size + stride - 1) / stride;
    const std::int64_t total = std::max<std::int64_t>((count - 1) * stride + reach - size, 0);
    *before = static_cast<int>(std::min(total, kMaxElements) / 2);
    return static_cast<int>(count);
  }
  *before = 0;
  return size < reach ? 0 : static_cast<int>((size - reach) / stride + 1);
}

}  // namespace

Extent Window::slide(Extent image, Extent kernel) {
  return {length(padding, image.height, kernel.height, stride_h, dilation_h, &pad_top),
          length(padding, image.width, kernel.width, stride_w, dilation_w, &pad_left)};
}

}  // namespace tfsparse
