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
    if (i < n) load_first<Vec>(x + i, n - i).store(y + i, n - i);
    return;
  }
  if (step == 2) {
    for (; i + Vec::kLanes < n; i += Vec::kLanes) load_even<Vec>(x + 2 * i).store(y + i);
  }
  for (; i < n; ++i) y[i] = x[i * step];
}

// Where the columns of one phase come from: zeros in [0, begin), every stride_w-th pixel of the
// input row from `column` on in [begin, end), zeros in [end, count).
struct PhaseSpan {
  int count, begin, end, column;

  // Bordered column phase + i * stride_w is the input's column minus pad_left.
  PhaseSpan(int phase, int bordered_w, int stride_w, int in_w, int pad_left) {
    const int first = larger(0, pad_left - phase), past = larger(0, pad_left + in_w - phase);
    count = ceil_div(larger(0, bordered_w - phase), stride_w);
    begin = smaller(count, ceil_div(first, stride_w));
    end = larger(begin, smaller(count, ceil_div(past, stride_w)));
    column = phase + begin * stride_w - pad_left;
  }
};

void pad(const PadArgs& a) {
  for (int phase = 0; phase < a.stride_w; ++phase) {
    const PhaseSpan span(phase, a.out_w, a.stride_w, a.in_w, a.pad_left);
    for (int row = 0; row < a.out_h; ++row) {
      float* y = a.y + static_cast<std::ptrdiff_t>(phase) * a.phase_stride +
                 static_cast<std::ptrdiff_t>(row) * a.row_stride;
      const int in_row = row - a.pad_top;
      if (in_row < 0 || in_row >= a.in_h || span.begin == span.end) {
        fill_zero(y, span.count);
        continue;
      }
      const float* x = a.x + in_row * a.x_row_stride + span.column * a.x_pixel_stride;
      fill_zero(y, span.begin);
      copy_strided(x, y + span.begin, span.end - span.begin, a.x_pixel_stride * a.stride_w);
      fill_zero(y + span.end, span.count - span.end);
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
