// Moving pixels: zero borders, column phases, and HWC images to planes and back.
#pragma once

#include "delegate/kernels/simd.h"

namespace tfsparse {
namespace {

void fill_zero(float* y, int n) {
  const Vec zero = Vec::broadcast(0.0f);
  for (int i = 0; i < n; i += Vec::kLanes) zero.store(y + i, smaller(Vec::kLanes, n - i));
}

// y[i] = x[i * step]. Never reads past x[(n - 1) * step].
void copy_strided(const float* x, float* y, int n, std::ptrdiff_t step) {
  int i = 0;
  if (step == 1) {
    for (; i + Vec::kLanes <= n; i += Vec::kLanes) Vec::load(x + i).store(y + i);
    if (i < n) Vec::load_window(x + i, 0, n - i).store(y + i, n - i);
    return;
  }
  if (step == 2) {
    for (; i + Vec::kLanes < n; i += Vec::kLanes) Vec::load_even(x + 2 * i).store(y + i);
  }
  for (; i < n; ++i) y[i] = x[i * step];
}

// One phase of one row: zeros, every stride_w-th pixel, zeros.
void pad_row(const PadArgs& a, const float* x, float* y, int phase) {
  const int columns = larger(0, ceil_div(a.out_w - phase, a.stride_w));
  // Bordered column phase + i * stride_w is the input's column minus pad_left.
  const int begin = smaller(columns, ceil_div(larger(0, a.pad_left - phase), a.stride_w));
  const int past = larger(0, ceil_div(larger(0, a.pad_left + a.in_w - phase), a.stride_w));
  const int end = larger(begin, smaller(columns, past));
  fill_zero(y, begin);
  if (begin < end) {
    const std::ptrdiff_t column =
        phase + static_cast<std::ptrdiff_t>(begin) * a.stride_w - a.pad_left;
    copy_strided(x + column * a.x_pixel_stride, y + begin, end - begin,
                 a.x_pixel_stride * a.stride_w);
  }
  fill_zero(y + end, columns - end);
}

void pad(const PadArgs& a) {
  for (int row = 0; row < a.out_h; ++row) {
    float* y = a.y + static_cast<std::ptrdiff_t>(row) * a.row_stride;
    const int in_row = row - a.pad_top;
    const bool inside = in_row >= 0 && in_row < a.in_h;
    for (int phase = 0; phase < a.stride_w; ++phase) {
      float* phase_y = y + static_cast<std::ptrdiff_t>(phase) * a.phase_stride;
      if (inside) {
        pad_row(a, a.x + in_row * a.x_row_stride, phase_y, phase);
      } else {
        fill_zero(phase_y, larger(0, ceil_div(a.out_w - phase, a.stride_w)));
      }
    }
  }
}

void to_planes(const float* x, float* y, int pixels, int channels, std::size_t plane_stride) {
  for (int c = 0; c < channels; ++c) copy_strided(x + c, y + c * plane_stride, pixels, channels);
}

void from_planes(const float* x, float* y, int pixels, int channels, std::size_t plane_stride) {
  if (channels == 1) return copy_strided(x, y, pixels, 1);
  if (pixels == 1) return copy_strided(x, y, channels, static_cast<std::ptrdiff_t>(plane_stride));
  for (int p = 0; p < pixels; ++p) {
    for (int c = 0; c < channels; ++c)
      y[static_cast<std::size_t>(p) * channels + c] = x[c * plane_stride + p];
  }
}

}  // namespace
}  // namespace tfsparse
