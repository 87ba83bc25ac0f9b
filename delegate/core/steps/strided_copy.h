// The step of operators that only move values: concatenations, slices, transpositions, blocks of
// pixels. Copies between any two layouts; a layout is given by the strides of its dimensions
// (strides_of).
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "delegate/core/plan/step.h"

namespace tfsparse {

// A dimension of the copy: its size and its strides in elements.
struct CopyDim {
  int size = 0;
  std::ptrdiff_t from = 0, to = 0;
};

struct StridedCopy {
  Value from;
  std::vector<float> constant;  // source if `from` is not set
  std::ptrdiff_t from_offset = 0, to_offset = 0;
  std::vector<CopyDim> dims;
};

// Each copy writes a part of y.
std::unique_ptr<Step> make_strided_copies(std::string kernel, std::vector<StridedCopy> copies,
                                          Value y, const Kernels& kernels);

}  // namespace tfsparse
