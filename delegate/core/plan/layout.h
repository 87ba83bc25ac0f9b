// The layouts of a tensor: TFLite's order, HWC, in which the channels of a pixel follow each other,
// and CHW, in which the pixels of a channel do: they are a plane.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "delegate/core/graph/shape.h"

namespace tfsparse {

// A value in CHW: the planes of channels lie `stride` elements apart, images `channels * stride`.
struct ChwLayout {
  int batch = 0, height = 0, width = 0, channels = 0;
  std::uint64_t stride = 0;

  int pixels() const { return height * width; }
  std::uint64_t image() const { return channels * stride; }
  std::uint64_t elements() const { return batch * image(); }
};

// The CHW layout of a tensor: of [batch, height, width, channels] as it says, else of one
// image, whose pixels are all the rows of the last dimension. An empty tensor, some of whose other
// sizes may be too large to be multiplied, has no planes.
ChwLayout chw_layout(const Shape& shape);

// Whether a tensor differs in CHW: a single pixel is the same in TFLite's order.
bool is_image(const Shape& shape);

// Whether two tensors of as many elements hold these in the same order in CHW.
bool have_same_chw(const Shape& a, const Shape& b);

// Elements between planes of `pixels`. A single pixel is packed, so that the planes of a 1x1 image
// are a plain vector. Otherwise an odd number of cache lines, which spreads the channels of one
// pixel tile over all sets of the cache.
std::uint64_t plane_stride(std::uint64_t pixels);

// Of each dimension of a tensor, the elements from one index to the next, in CHW or else in
// TFLite's order. 0 for all where the tensor is empty.
std::vector<std::ptrdiff_t> strides_of(const Shape& shape, bool in_chw);

}  // namespace tfsparse
