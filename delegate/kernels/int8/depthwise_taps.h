// In which order the weights of a depthwise kernel lie, for the kernel and for pack_depthwise().
#pragma once

#include <cstddef>

#include "delegate/kernels/int8/kernels.h"

namespace tfsparse {
namespace int8 {
namespace {

// Four quads, of pixels or of the weights of four channels, as the dot products of four lanes read
// them.
constexpr int kGroupBytes = 4 * kQuad;

// A dot product multiplies four rows at once, those of neighbouring rows of the kernel. Output rows
// computed together share them: two rows of a 3x3 kernel have four rows of input, which weights of
// (w0, w1, w2, 0) and (0, w0, w1, w2) multiply.
struct DepthwiseTaps {
  static constexpr int kMaxGroups = (kMaxDepthwiseKernel + 4) / 4;
  int kernel_h, kernel_w, dilation_w;
  int rows;    // of the output, computed together: neighbours, or as far apart as the dilation
  int groups;  // of four rows of the input
  int step;    // 1 or 2, pixels of a row between those of neighbouring outputs
  int phases;  // into which columns are sorted so that `step` is 1 at strides above 2

  DepthwiseTaps(int kernel_h, int kernel_w, int stride_h, int stride_w, int dilation_w)
      : kernel_h(kernel_h),
        kernel_w(kernel_w),
        dilation_w(dilation_w),
        rows(stride_h == 1 ? 2 : 1),
        groups((rows - 1 + kernel_h + 3) / 4),
        step(stride_w == 2 && rows == 1 ? 2 : 1),
        phases(stride_w / step) {}

  // Bytes of weights of a quad of channels.
  std::size_t weight_bytes() const { return std::size_t{kGroupBytes} * groups * kernel_w * rows; }

  // Calls f(kx, phase, shift) for the taps of a row of the kernel in the order of their weights:
  // the input of output column c is pixel c * step + shift of a column phase.
  template <class F>
  void for_each_column(const F& f) const {
    for (int phase = 0; phase < phases; ++phase) {
      for (int kx = 0; kx < kernel_w; ++kx) {
        const int column = kx * dilation_w;
        if (column % phases == phase) f(kx, phase, column / phases);
      }
    }
  }
};

}  // namespace
}  // namespace int8
}  // namespace tfsparse
