// Resizes channel planes, from tables of the input row and column of each output.
#pragma once

#include <algorithm>

#include "delegate/kernels/elementwise.h"
#include "delegate/kernels/layout.h"

namespace tfsparse {
namespace {

template <class V>
V blend(V a, V b, V weight_of_b) {
  // not as a difference: infinity minus infinity is NaN
  return V::fma(b, weight_of_b, a * (V::broadcast(1.0f) - weight_of_b));
}

// The first output column of each of T vectors.
template <int T>
struct ColumnTile {
  int at[T];
};

// Vectors of output columns whose inputs are within one vector, as always when enlarging. Never
// reads beyond the row.
template <class V, bool Blends, int T>
class NearColumns {
 public:
  static bool has(const ResizeArgs& a, const ColumnTile<T>& tile, int lanes) {
    if (!V::kFreeMasks && a.in_w < V::kLanes) return false;
    for (int column : tile.at) {
      const int last = smaller(a.columns[column + lanes - 1] + Blends, a.in_w - 1);
      if (last - first_of(a, column) >= V::kLanes) return false;
    }
    return true;
  }

  NearColumns(const ResizeArgs& a, const ColumnTile<T>& tile, int) {
    for (int t = 0; t < T; ++t) {
      const int column = tile.at[t], first = first_of(a, column), left = a.in_w - first;
      first_[t] = first;
      inside_[t] = V::window(0, left);
      left_[t] = V::lanes_at(a.columns + column, first, left - 1);
      right_[t] = V::lanes_at(a.columns + column, first - 1, left - 1);
      if (Blends) weights_[t] = V::load(a.column_weights + column);
    }
  }

  TFSPARSE_INLINE void widen(const Element* row, V (&y)[T]) const {
    TFSPARSE_UNROLL
    for (int t = 0; t < T; ++t) {
      const Element* x = opaque(row) + first_[t];
      const V in = V::kFreeMasks ? V::load(x, inside_[t]) : V::load(x);
      y[t] = V::permute(in, left_[t]);
      if (Blends) y[t] = blend(y[t], V::permute(in, right_[t]), weights_[t]);
    }
  }

 private:
  static int first_of(const ResizeArgs& a, int column) {
    return smaller(a.columns[column], larger(0, a.in_w - V::kLanes));
  }

  int first_[T];
  typename V::Mask inside_[T];
  typename V::Lanes left_[T], right_[T];
  V weights_[T];
};

TFSPARSE_SCALAR void resize_far(const ResizeArgs& a, int column, int lanes, const Element* x,
                                float* y) {
  for (int i = 0; i < lanes; ++i) {
    const int left = a.columns[column + i], right = smaller(left + 1, a.in_w - 1);
    const float weight = a.column_weights ? a.column_weights[column + i] : 0.0f;
    y[i] = a.column_weights ? x[left] * (1.0f - weight) + x[right] * weight : x[left];
  }
}

// All other vectors.
template <class V, int T>
class FarColumns {
 public:
  FarColumns(const ResizeArgs& a, const ColumnTile<T>& tile, int lanes)
      : a_(a), tile_(tile), lanes_(lanes) {}

  void widen(const Element* row, V (&y)[T]) const {
    for (int t = 0; t < T; ++t) {
      float numbers[V::kLanes] = {};
      resize_far(a_, tile_.at[t], lanes_, row, numbers);
      y[t] = V::load(numbers);
    }
  }

 private:
  const ResizeArgs& a_;
  const ColumnTile<T> tile_;
  int lanes_;
};

// Computes all rows of some vectors of output columns. Keeps the two input rows in registers, as
// the next output row usually needs one or both of them again.
template <bool Blends, int T, class Columns>
void resize_rows(const ResizeArgs& a, const Element* x, Element* y, const Columns& columns,
                 const ColumnTile<T>& tile, int lanes) {
  const FloatVec lo = FloatVec::broadcast(a.epilogue.lo), hi = FloatVec::broadcast(a.epilogue.hi);
  const bool clamps = is_bounded(a.epilogue);
  const auto input_row = [&](int row) { return x + static_cast<std::ptrdiff_t>(row) * a.in_w; };
  FloatVec upper[T] = {}, lower[T] = {};
  int held = -2;
  for (int row = 0; row < a.out_h; ++row, y += a.out_w) {
    const int from = a.rows[row];
    if (Blends && from == held + 1) {
      std::copy_n(lower, T, upper);
    } else if (from != held) {
      columns.widen(input_row(from), upper);
    }
    if (Blends && from != held) columns.widen(input_row(smaller(from + 1, a.in_h - 1)), lower);
    held = from;
    const FloatVec weight = FloatVec::broadcast(Blends ? a.row_weights[row] : 0.0f);
    TFSPARSE_UNROLL
    for (int t = 0; t < T; ++t) {
      FloatVec v = Blends ? blend(upper[t], lower[t], weight) : upper[t];
      if (clamps) v = clamp(v, lo, hi);
      v.store(y + tile.at[t], lanes);
    }
  }
}

template <class Columns, bool Blends, int T>
void resize_columns(const ResizeArgs& a, const ColumnTile<T>& tile, int lanes) {
  const Columns columns(a, tile, lanes);
  for (int plane = 0; plane < a.planes; ++plane) {
    resize_rows<Blends>(a, elements(a.x) + plane * a.x_stride, elements(a.y) + plane * a.y_stride,
                        columns, tile, lanes);
  }
}

template <bool Blends, int T>
void resize_tile(const ResizeArgs& a, const ColumnTile<T>& tile, int lanes) {
  using Near = NearColumns<FloatVec, Blends, T>;
  Near::has(a, tile, lanes) ? resize_columns<Near, Blends>(a, tile, lanes)
                            : resize_columns<FarColumns<FloatVec, T>, Blends>(a, tile, lanes);
}

// Vectors of output columns computed together. They share the work per row.
constexpr int kResizeTile = FloatVec::kLanes == 4 ? 4 : 2;

template <bool Blends>
void resize_planes(const ResizeArgs& a) {
  constexpr int kLanes = FloatVec::kLanes;
  if (a.out_w < kLanes) return resize_tile<Blends, 1>(a, {{0}}, a.out_w);
  for (int begin = 0; begin < a.out_w; begin += kResizeTile * kLanes) {
    ColumnTile<kResizeTile> tile;  // the last vectors may overlap those before
    for (int t = 0; t < kResizeTile; ++t) {
      tile.at[t] = smaller(begin + t * kLanes, a.out_w - kLanes);
    }
    resize_tile<Blends>(a, tile, kLanes);
  }
}

void resize(const ResizeArgs& args) {
  ResizeArgs a = args;
  // Planes of one tile are processed together and share its tables. Wider planes are processed one
  // by one, so that the second tile finds the plane in the cache.
  const bool together = a.out_w <= kResizeTile * FloatVec::kLanes;
  a.planes = together ? args.planes : 1;
  for (int plane = 0; plane < args.planes; plane += a.planes) {
    a.row_weights ? resize_planes<true>(a) : resize_planes<false>(a);
    a.x = elements(a.x) + a.x_stride;
    a.y = elements(a.y) + a.y_stride;
  }
}

}  // namespace
}  // namespace tfsparse
