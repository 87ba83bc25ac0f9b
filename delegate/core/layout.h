// The layouts of a tensor: TFLite's order, in which the channels of a pixel follow each other, and
// planes, in which the pixels of a channel do.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "delegate/core/shape.h"

namespace tfsparse {

// An image value: channels lie in planes `stride` elements apart, images `channels * stride`.
struct Planes {
  int batch = 0, height = 0, width = 0, channels = 0;
  std::uint64_t stride = 0;

  int pixels() const { return height * width; }
  std::uint64_t image() const { return channels * stride; }
  std::uint64_t elements() const { return batch * image(); }
};

// The layout of a tensor as planes: of [batch, height, width, channels] as it says, else of one
// image, whose pixels are all the rows of the last dimension. An empty tensor, some of whose other
// sizes may be too large to be multiplied, has no planes.
Planes planes_of(const Shape& shape);

// Whether a tensor has planes of its own: those of a single pixel are in TFLite's order already.
bool is_image(const Shape& shape);

// Whether the planes of two tensors of as many elements hold these in the same order.
bool have_same_planes(const Shape& a, const Shape& b);

// Elements between planes of `pixels`. A single pixel is packed, so that the planes of a 1x1 image
// are a plain vector. Otherwise an odd number of cache lines, which spreads the channels of one
// pixel tile over all sets of the cache.
std::uint64_t plane_stride(std::uint64_t pixels);

// Of each dimension of a tensor, the elements from one index to the next, in planes or else in
// TFLite's order. 0 for all where the tensor is empty.
std::vector<std::ptrdiff_t> strides_of(const Shape& shape, bool in_planes);

}  // namespace tfsparse
