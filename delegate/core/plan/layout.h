// The two layouts of a tensor. TFLite's order, HWC, stores the channels of a pixel together. CHW
// stores the pixels of a channel together, as a channel plane; for int8 tensors, those of four
// channels, as a quad plane (kernels/int8/kernels.h).
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "delegate/core/graph/shape.h"
#include "delegate/kernels/int8/kernels.h"

namespace tfsparse {

// CHW: channel planes `stride` elements apart, images `channels * stride`.
struct ChwLayout {
  int batch = 0, height = 0, width = 0, channels = 0;
  std::uint64_t stride = 0;

  int pixels() const { return height * width; }
  std::uint64_t image() const { return channels * stride; }
  std::uint64_t elements() const { return batch * image(); }
};

// The CHW layout of a tensor. [batch, height, width, channels] is taken as it is. Any other shape
// is one image with its last dimension as channels. An empty tensor has no planes; its other sizes
// may overflow when multiplied.
ChwLayout chw_layout(const Shape& shape);

// CHW of an int8 tensor: quad planes `stride` bytes apart, images `quads() * stride`. The bytes of
// channels that fill up the last quad have any value.
struct QuadLayout {
  int batch = 0, height = 0, width = 0, channels = 0;
  std::uint64_t stride = 0;

  int quads() const { return int8::quads_of(channels); }
  int pixels() const { return height * width; }
  std::uint64_t image() const { return quads() * stride; }
  std::uint64_t bytes() const { return batch * image(); }
};
QuadLayout quad_layout(const Shape& shape);

// Whether threads share an int8 image by its pixels and not by its channels. What a thread reads of
// a large image is then mostly in its own cache, as it wrote it.
bool splits_pixels(const QuadLayout& image);

// Whether CHW differs from TFLite's order for a float tensor. It does not for a single pixel.
bool is_image(const Shape& shape);

// Whether the elements of two tensors of one type have the same order in CHW. Needs equal element
// counts.
bool have_same_chw(const Shape& a, const Shape& b);

// Elements between channel planes. 1 for a single pixel, so that 1x1 images are plain vectors.
// Otherwise an odd number of cache lines, which spreads the channels of a pixel tile over all sets
// of the cache.
std::uint64_t plane_stride(std::uint64_t pixels);
// The same in bytes, for quad planes.
std::uint64_t quad_stride(std::uint64_t pixels);

// The stride of each dimension in elements, in CHW or in TFLite's order. All 0 if the tensor is
// empty.
std::vector<std::ptrdiff_t> strides_of(const Shape& shape, bool in_chw);

}  // namespace tfsparse
