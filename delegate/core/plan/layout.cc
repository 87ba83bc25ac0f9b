#include "delegate/core/plan/layout.h"

namespace tfsparse {

std::uint64_t plane_stride(std::uint64_t pixels) {
  if (pixels <= 1) return 1;
  constexpr std::uint64_t kLine = 16;  // float32 numbers in a cache line
  return ((pixels + kLine - 1) / kLine | 1) * kLine;
}

// A quad is as long as a float32 number.
std::uint64_t quad_stride(std::uint64_t pixels) { return int8::kQuad * plane_stride(pixels); }

QuadLayout quad_layout(const Shape& shape) {
  const ChwLayout chw = chw_layout(shape);
  if (chw.channels == 0) return {};
  return {chw.batch, chw.height, chw.width, chw.channels, int8::kQuad * chw.stride};
}

ChwLayout chw_layout(const Shape& shape) {
  if (element_count(shape) == 0) return {};
  ChwLayout chw{1, 1, 1, shape.empty() ? 1 : shape.back(), 0};
  if (shape.size() == 4) {
    chw = {shape[0], shape[1], shape[2], shape[3], 0};
  } else {
    for (std::size_t dim = 0; dim + 1 < shape.size(); ++dim) chw.height *= shape[dim];
  }
  chw.stride = plane_stride(static_cast<std::uint64_t>(chw.height) * chw.width);
  return chw;
}

bool splits_pixels(const QuadLayout& image) {
  constexpr int kLeast = 56 * 56;  // measured on MobileNetV2 with two threads
  return image.pixels() >= kLeast;
}

bool is_image(const Shape& shape) {
  const ChwLayout chw = chw_layout(shape);
  return chw.height != 1 || chw.width != 1;
}

bool have_same_chw(const Shape& a, const Shape& b) {
  const ChwLayout p = chw_layout(a), q = chw_layout(b);
  return p.batch == q.batch && p.pixels() == q.pixels() && p.channels == q.channels;
}

std::vector<std::ptrdiff_t> strides_of(const Shape& shape, bool in_chw) {
  if (element_count(shape) == 0) return std::vector<std::ptrdiff_t>(shape.size(), 0);
  std::vector<std::ptrdiff_t> strides(shape.size(), 1);
  std::size_t contiguous = shape.size();  // dimensions in TFLite's order
  const ChwLayout chw = chw_layout(shape);
  if (in_chw && contiguous > 0) {
    strides[--contiguous] = static_cast<std::ptrdiff_t>(chw.stride);
  }
  for (std::size_t dim = contiguous; dim-- > 1;) strides[dim - 1] = strides[dim] * shape[dim];
  if (in_chw && shape.size() == 4) strides[0] = static_cast<std::ptrdiff_t>(chw.image());
  return strides;
}

}  // namespace tfsparse
