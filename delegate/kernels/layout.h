// Moves pixels: zero borders, column phases, and conversion between HWC and CHW.
#pragma once

#include <cstring>

#include "delegate/kernels/phase_span.h"

namespace tfsparse {
namespace {

void fill_zero(Element* y, int n) {
  const Vec zero = Vec::broadcast(0.0f);
  for (int i = 0; i < n; i += Vec::kLanes) zero.store(y + i, smaller(Vec::kLanes, n - i));
}

// y[i] = x[i * step]. `Known` is the step if it is known at compile time, else 0.
template <int Known = 0>
TFSPARSE_SCALAR void copy_scalars(const Element* x, Element* y, int n, std::ptrdiff_t step) {
  if (Known > 0) step = Known;
  int i = 0;
  for (; i + 8 <= n; i += 8, x += 8 * step) {
    Element eight[8];
    TFSPARSE_UNROLL
    for (int j = 0; j < 8; ++j) eight[j] = x[j * step];
    TFSPARSE_UNROLL
    for (int j = 0; j < 8; ++j) y[i + j] = eight[j];
  }
  for (; i < n; ++i, x += step) y[i] = *x;
}

// y[i] = x[i * step]. Never reads past x[(n - 1) * step].
void copy_strided(const Element* x, Element* y, int n, std::ptrdiff_t step) {
  int i = 0;
  if (step == 1) {
    for (; i + Vec::kLanes <= n; i += Vec::kLanes) Vec::load(x + i).store(y + i);
    if (i < n) load_first<Vec>(x + i, n - i).store(y + i, n - i);
    return;
  }
  if (step == 2) {
    for (; i + Vec::kLanes < n; i += Vec::kLanes) load_even<Vec>(x + 2 * i).store(y + i);
  }
  if (step == 6) return copy_scalars<6>(x, y, n, step);  // three channels, every second pixel
  copy_scalars(x + i * step, y + i, n - i, step);
}

void pad(const PadArgs& a) {
  for (int phase = 0; phase < a.phases_w; ++phase) {
    const PhaseSpan span(phase, a.out_w, a.stride_w, a.in_w, a.pad_left);
    for (int row = 0; row < a.out_h; ++row) {
      if (row % a.stride_h >= a.phases_h) continue;
      Element* y = elements(a.y) + phase * a.column_phase_stride +
                   row % a.stride_h * a.row_phase_stride + row / a.stride_h * a.row_stride;
      const int in_row = row - a.pad_top;
      if (in_row < 0 || in_row >= a.in_h || span.begin == span.end) {
        fill_zero(y, span.count);
        continue;
      }
      const Element* x = elements(a.x) + in_row * a.x_row_stride + span.column * a.x_pixel_stride;
      fill_zero(y, span.begin);
      copy_strided(x, y + span.begin, span.end - span.begin, a.x_pixel_stride * a.stride_w);
      fill_zero(y + span.end, span.count - span.end);
    }
  }
}

void crop(const CropArgs& a) {
  for (int row = 0; row < a.rows; ++row) {
    const Element* x = elements(a.x) + row * a.x_row_stride;
    const std::size_t at = static_cast<std::size_t>(row) * a.width;
    for (int i = 0; i < a.width; i += Vec::kLanes) {
      const int lanes = smaller(Vec::kLanes, a.width - i);
      Vec v = load_first<Vec>(x + i, lanes);
      if (a.residual) v = v + load_first<Vec>(elements(a.residual) + at + i, lanes);
      v.store(elements(a.y) + at + i, lanes);
    }
  }
}

// Transposes a 4 x 4 block.
inline void transpose_4x4(const Element* x, std::size_t x_stride, Element* y,
                          std::size_t y_stride) {
  typedef Element Four __attribute__((vector_size(4 * sizeof(Element))));
  Four a, b, c, d;
  std::memcpy(&a, x, sizeof a);
  std::memcpy(&b, x + x_stride, sizeof b);
  std::memcpy(&c, x + 2 * x_stride, sizeof c);
  std::memcpy(&d, x + 3 * x_stride, sizeof d);
  const auto ac_low = __builtin_shufflevector(a, c, 0, 4, 1, 5);
  const auto ac_high = __builtin_shufflevector(a, c, 2, 6, 3, 7);
  const auto bd_low = __builtin_shufflevector(b, d, 0, 4, 1, 5);
  const auto bd_high = __builtin_shufflevector(b, d, 2, 6, 3, 7);
  const Four columns[] = {__builtin_shufflevector(ac_low, bd_low, 0, 4, 1, 5),
                          __builtin_shufflevector(ac_low, bd_low, 2, 6, 3, 7),
                          __builtin_shufflevector(ac_high, bd_high, 0, 4, 1, 5),
                          __builtin_shufflevector(ac_high, bd_high, 2, 6, 3, 7)};
  TFSPARSE_UNROLL
  for (int i = 0; i < 4; ++i) std::memcpy(y + i * y_stride, &columns[i], sizeof(Four));
}

// Interleaves two rows.
inline void interleave_four(const Element* a, const Element* b, Element* y) {
  typedef Element Four __attribute__((vector_size(4 * sizeof(Element))));
  Four row_a, row_b;
  std::memcpy(&row_a, a, sizeof row_a);
  std::memcpy(&row_b, b, sizeof row_b);
  const Four low = __builtin_shufflevector(row_a, row_b, 0, 4, 1, 5);
  const Four high = __builtin_shufflevector(row_a, row_b, 2, 6, 3, 7);
  std::memcpy(y, &low, sizeof low);
  std::memcpy(y + 4, &high, sizeof high);
}

inline void interleave_two(const Element* a, const Element* b, int columns, Element* y) {
  if (columns < 4) {
    for (int column = 0; column < columns; ++column) {
      y[2 * column] = a[column];
      y[2 * column + 1] = b[column];
    }
    return;
  }
  const std::ptrdiff_t last = columns - 4;  // may overlap the block before
  for (std::ptrdiff_t column = 0; column < last; column += 4) {
    interleave_four(a + column, b + column, y + 2 * column);
  }
  interleave_four(a + last, b + last, y + 2 * last);
}

// Interleaves R rows, or separates them. With R known, compilers use shuffles.
template <int R>
void interleave(const Element* __restrict x, std::size_t x_stride, int columns,
                Element* __restrict y) {
  for (int column = 0; column < columns; ++column) {
    for (int row = 0; row < R; ++row) y[column * R + row] = x[row * x_stride + column];
  }
}

template <int R>
void separate(const Element* __restrict x, int rows, Element* __restrict y, std::size_t y_stride) {
  for (int row = 0; row < rows; ++row) {
    for (int column = 0; column < R; ++column) y[column * y_stride + row] = x[row * R + column];
  }
}

// The same for fewer than four rows or columns.
void transpose_thin(const Element* x, std::size_t x_stride, int rows, int columns, Element* y,
                    std::size_t y_stride) {
  if (rows == 1 && y_stride == 1) return copy_strided(x, y, columns, 1);
  if (rows == 3 && y_stride == 3) return interleave<3>(x, x_stride, columns, y);
  if (columns == 3 && x_stride == 3) return separate<3>(x, rows, y, y_stride);
  if (columns < rows) {
    for (int column = 0; column < columns; ++column) {
      copy_strided(x + column, y + column * y_stride, rows, static_cast<std::ptrdiff_t>(x_stride));
    }
  } else {
    for (int column = 0; column < columns; ++column) {
      for (int row = 0; row < rows; ++row) y[column * y_stride + row] = x[row * x_stride + column];
    }
  }
}

// y[column * y_stride + row] = x[row * x_stride + column]
void transpose(const Element* x, std::size_t x_stride, int rows, int columns, Element* y,
               std::size_t y_stride) {
  if (rows < 4 || columns < 4) return transpose_thin(x, x_stride, rows, columns, y, y_stride);
  constexpr int kBlock = 16;  // rows: fills a cache line of y at once
  const int whole_columns = columns / 4 * 4;
  for (int first = 0; first < rows; first += kBlock) {
    const int last = smaller(rows, first + kBlock), whole_last = first + (last - first) / 4 * 4;
    for (int column = 0; column < whole_columns; column += 4) {
      for (int row = first; row < whole_last; row += 4) {
        transpose_4x4(x + row * x_stride + column, x_stride, y + column * y_stride + row, y_stride);
      }
    }
    // Most blocks have no rows left over.
    for (int column = whole_last < last ? 0 : whole_columns; column < columns; ++column) {
      const int row = column < whole_columns ? whole_last : first;
      copy_strided(x + row * x_stride + column, y + column * y_stride + row, last - row,
                   static_cast<std::ptrdiff_t>(x_stride));
    }
  }
}

void to_chw(const void* x, void* y, int pixels, int channels, std::size_t plane_stride) {
  transpose(elements(x), channels, pixels, channels, elements(y), plane_stride);
}

void from_chw(const FromChwArgs& a) {
  const Element* x = elements(a.x);
  Element* y = elements(a.y);
  for (int row = 0; row < a.rows; ++row) {
    if (a.channels == 2) {
      interleave_two(x, x + a.plane_stride, a.pixels, y);
    } else {
      transpose(x, a.plane_stride, a.channels, a.pixels, y, a.channels);
    }
    x += a.x_row_stride;
    y += a.y_row_stride;
  }
}

}  // namespace
}  // namespace tfsparse
