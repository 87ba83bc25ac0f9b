// The step of operators that only move values: concatenations, slices, transpositions, blocks of
// pixels. Copies between any two layouts; a layout is given by the strides of its dimensions.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "delegate/core/plan/builder.h"
#include "delegate/core/plan/memory.h"

namespace tfsparse {

// A dimension of the copy: its size and its strides in elements.
struct CopyDim {
  int size = 0;
  std::ptrdiff_t from = 0, to = 0;
};

// What a copy moves: single elements, or of an int8 tensor in CHW the quads of four channels.
class MovedElements {
 public:
  MovedElements(const PlanBuilder& builder, int tensor, bool in_chw)
      : in_chw_(in_chw),
        channels_(in_chw && builder.is_int8(tensor) ? int8::kQuad : 1),
        bytes_(builder.is_int8(tensor) ? channels_ : builder.kernels().element_bytes) {}

  bool in_chw() const { return in_chw_; }
  std::size_t bytes() const { return bytes_; }
  // Channels, and a tensor's shape, in these elements.
  int channels(int count) const { return (count + channels_ - 1) / channels_; }
  Shape shape(Shape shape) const {
    if (!shape.empty()) shape.back() = channels(shape.back());
    return shape;
  }
  std::vector<std::ptrdiff_t> strides(const Shape& tensor) const {
    return strides_of(shape(tensor), in_chw_);
  }

 private:
  bool in_chw_;
  int channels_;  // of an element
  std::size_t bytes_;
};

// Whether the channels up to this one are whole quads of an int8 tensor. Any channel is whole for
// other tensors.
inline bool are_whole_quads(const PlanBuilder& builder, int tensor, int channel) {
  return !builder.is_int8(tensor) || channel % int8::kQuad == 0;
}

struct StridedCopy {
  Value from;
  Buffer constant;  // source if `from` is not set
  std::ptrdiff_t from_offset = 0, to_offset = 0;
  std::vector<CopyDim> dims;
};

// A constant in TFLite's order: the codes of an int8 one, else elements of the kernels' type.
Status read_elements(const Tensor& tensor, const Kernels& kernels, Buffer* elements);

// Each copy writes a part of y. Strides and offsets count `elements`.
std::unique_ptr<Step> make_strided_copies(std::string kernel, const MovedElements& elements,
                                          std::vector<StridedCopy> copies, Value y);

}  // namespace tfsparse
