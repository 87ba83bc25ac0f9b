// The step of operators that only move values: concatenation, slices, transpositions, blocks of
// pixels. It copies between two layouts, whichever they are: a layout is the strides of its
// dimensions, see strides_of.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "delegate/core/plan/step.h"

namespace tfsparse {

// A dimension of what is copied: its size, and the elements from one index to the next.
struct CopyDim {
  int size = 0;
  std::ptrdiff_t from = 0, to = 0;
};

struct StridedCopy {
  Value from;
  std::vector<float> constant;  // where there is none
  std::ptrdiff_t from_offset = 0, to_offset = 0;
  std::vector<CopyDim> dims;
};

// Each copy writes a part of the value y.
std::unique_ptr<Step> make_strided_copies(std::string kernel, std::vector<StridedCopy> copies,
                                          Value y, const Kernels& kernels);

}  // namespace tfsparse
