// Moving quads: borders, column phases, and HWC images to quad planes and back.
#pragma once

#include <cstring>

#include "delegate/kernels/int8/simd.h"
#include "delegate/kernels/phase_span.h"

namespace tfsparse {
namespace int8 {
namespace {

void fill(Quads value, std::int8_t* y, int quads) {
  for (int i = 0; i < quads; i += Quads::kLanes) {
    value.store(y + std::ptrdiff_t{i} * kQuad, smaller(Quads::kLanes, quads - i));
  }
}

// y[i] = x[i * step] for n quads. Never reads past the last.
void copy_quads(const std::int8_t* x, std::int8_t* y, int n, int step) {
  if (step == 1) {
    if (n > 0) std::memcpy(y, x, std::size_t{kQuad} * n);
    return;
  }
  for (int i = 0; i < n; ++i, x += std::ptrdiff_t{step} * kQuad, y += kQuad) {
    std::memcpy(y, x, kQuad);
  }
}

// One phase of one bordered row, from an input row or, where that is null, of border alone.
void pad_row(const std::int8_t* x, const PhaseSpan& span, int stride_w, Quads border,
             std::int8_t* y) {
  if (!x || span.begin == span.end) return fill(border, y, span.count);
  fill(border, y, span.begin);
  copy_quads(x + std::ptrdiff_t{span.column} * kQuad, y + std::ptrdiff_t{span.begin} * kQuad,
             span.end - span.begin, stride_w);
  fill(border, y + std::ptrdiff_t{span.end} * kQuad, span.count - span.end);
}

void pad_plane(const PadArgs& a, const std::int8_t* x, std::int8_t* y) {
  const Quads border = Quads::of_code(a.border);
  for (int phase = 0; phase < a.phases_w; ++phase) {
    const PhaseSpan span(phase, a.out_w, a.stride_w, a.in_w, a.pad_left);
    for (int row = 0; row < a.out_h; ++row) {
      if (row % a.stride_h >= a.phases_h) continue;
      const int in_row = row - a.pad_top;
      const bool inside = in_row >= 0 && in_row < a.in_h;
      pad_row(inside ? x + std::ptrdiff_t{in_row} * a.in_w * kQuad : nullptr, span, a.stride_w,
              border,
              y + phase * a.column_phase_stride + row % a.stride_h * a.row_phase_stride +
                  row / a.stride_h * a.row_stride);
    }
  }
}

void pad(const PadArgs& a) {
  for (int quad = 0; quad < a.quads; ++quad) {
    pad_plane(a, a.x + quad * a.x_stride, a.y + quad * a.y_stride);
  }
}

// The first `count` channels of a quad, flipped.
inline void copy_channels(const std::int8_t* x, std::int8_t* y, int count) {
  for (int c = 0; c < count; ++c) y[c] = static_cast<std::int8_t>(x[c] ^ Quads::kFlip);
}

void to_quads(const ImageArgs& a) {
  for (int channel = 0; channel < a.channels; channel += kQuad) {
    const int count = smaller(kQuad, a.channels - channel);
    const std::int8_t* x = a.x + channel;
    std::int8_t* y = a.y + channel / kQuad * a.plane_stride;
    int p = 0;
    // An image of three channels: four pixels are a vector of 16 bytes, of which 12 are needed.
    for (; a.channels == 3 && p + 6 <= a.pixels; p += 4, x += 12, y += 16) spread_triples(x, y);
    for (; p < a.pixels; ++p, x += a.channels, y += kQuad) {
      count == kQuad ? copy_channels(x, y, kQuad) : copy_channels(x, y, count);
    }
  }
}

void from_quads(const ImageArgs& a) {
  for (int channel = 0; channel < a.channels; channel += kQuad) {
    const int count = smaller(kQuad, a.channels - channel);
    const std::int8_t* x = a.x + channel / kQuad * a.plane_stride;
    std::int8_t* y = a.y + channel;
    for (int p = 0; p < a.pixels; ++p, x += kQuad, y += a.channels) {
      count == kQuad ? copy_channels(x, y, kQuad) : copy_channels(x, y, count);
    }
  }
}

}  // namespace
}  // namespace int8
}  // namespace tfsparse
