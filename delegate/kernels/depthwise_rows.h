// Depthwise convolution of output rows that are computed together, from inputs of two kinds.
#pragma once

#include "delegate/kernels/layout.h"

namespace tfsparse {
namespace {

// As many rows as registers allow beside the weights, or, where the weights do not fit anyway, a
// few.
constexpr int depthwise_rows_at_once(int kernel) { return kernel == 3 && kRegisters == 32 ? 7 : 4; }

// Where results go, one vector wide.
struct DepthwiseOutput {
  Element* y;
  int row_stride, rows;
  int lanes;
  float lo, hi;
};

template <class V, int K>
struct DepthwiseWeights {
  V w[K * K], bias;

  TFSPARSE_INLINE DepthwiseWeights(const Element* weights, float bias_value)
      : bias(V::broadcast(bias_value)) {
    TFSPARSE_UNROLL
    for (int i = 0; i < K * K; ++i) w[i] = V::broadcast(weights[i]);
  }
};

// Inputs of the K tap columns from scratch, where nothing is outside: see depthwise.h.
template <class V, int K>
struct BorderedInput {
  const Element* x;
  int row_stride;
  int tap[K];

  bool has_row(int) const { return true; }
  TFSPARSE_INLINE void load(int row, V (&in)[K]) const {
    TFSPARSE_UNROLL
    for (int kx = 0; kx < K; ++kx) in[kx] = V::load(x + row * row_stride + tap[kx]);
  }
};

// The same from the plane itself: lanes beyond its edges are masked. S is the stride, 1 or 2.
template <class V, int K, int S>
struct PlaneInput {
  const Element* x;  // row -pad_top, of output column 0 the tap column 0
  int row_stride, first_row, last_row;
  typename V::Mask mask[K], next_mask[K];

  TFSPARSE_INLINE PlaneInput(const DepthwiseArgs& a, int column) {
    const int first_column = column * S - a.pad_left;
    x = elements(a.x) + first_column - static_cast<std::ptrdiff_t>(a.pad_top) * a.in_w;
    row_stride = a.in_w;
    first_row = a.pad_top;
    last_row = a.pad_top + a.in_h - 1;
    TFSPARSE_UNROLL
    for (int kx = 0; kx < K; kx += S) {
      const int first = first_column + kx, next = first + V::kLanes;
      mask[kx] = V::window(-first, a.in_w - first);
      if (S == 2) next_mask[kx] = V::window(-next, a.in_w - next);
    }
  }
  bool has_row(int row) const { return row >= first_row && row <= last_row; }
  TFSPARSE_INLINE void load(int row, V (&in)[K]) const {
    const Element* xi = x + static_cast<std::ptrdiff_t>(row) * row_stride;
    TFSPARSE_UNROLL
    for (int kx = 0; kx < K; kx += S) {
      const V a = V::load(xi + kx, mask[kx]);
      if (S == 1) {
        in[kx] = a;
      } else {
        const V b = V::load(xi + kx + V::kLanes, next_mask[kx]);
        in[kx] = V::even(a, b);
        if (kx + 1 < K) in[kx + 1] = V::odd(a, b);
      }
    }
  }
};

// R rows of outputs. Input row i feeds tap row i - r * S of output row r.
template <class V, int K, int S, int R, class Input>
TFSPARSE_INLINE void depthwise_rows(const Input& input, const DepthwiseWeights<V, K>& weights,
                                    int row, const DepthwiseOutput& out) {
  V acc[R];
  TFSPARSE_UNROLL
  for (int r = 0; r < R; ++r) acc[r] = weights.bias;
  TFSPARSE_UNROLL
  for (int i = 0; i < (R - 1) * S + K; ++i) {
    if (!input.has_row(row * S + i)) continue;
    V in[K];
    input.load(row * S + i, in);
    TFSPARSE_UNROLL
    for (int kx = 0; kx < K; ++kx) {
      TFSPARSE_UNROLL
      for (int r = 0; r < R; ++r) {
        const int ky = i - r * S;
        if (ky >= 0 && ky < K) acc[r] = V::fma(in[kx], weights.w[ky * K + kx], acc[r]);
      }
    }
  }
  const V lo = V::broadcast(out.lo), hi = V::broadcast(out.hi);
  Element* y = out.y + static_cast<std::ptrdiff_t>(row) * out.row_stride;
  TFSPARSE_UNROLL
  for (int r = 0; r < R; ++r) clamp(acc[r], lo, hi).store(y + r * out.row_stride, out.lanes);
}

// The last rows, fewer than were computed together.
template <class V, int K, int S, int R, class Input>
TFSPARSE_INLINE void depthwise_last_rows(const Input& input, const DepthwiseWeights<V, K>& weights,
                                         int row, const DepthwiseOutput& out) {
  if (out.rows - row == R) return depthwise_rows<V, K, S, R>(input, weights, row, out);
  if constexpr (R > 1) depthwise_last_rows<V, K, S, R - 1>(input, weights, row, out);
}

template <class V, int K, int S, class Input>
TFSPARSE_INLINE void depthwise_column(const Input& input, const DepthwiseWeights<V, K>& weights,
                                      const DepthwiseOutput& out) {
  constexpr int kRows = depthwise_rows_at_once(K);
  int row = 0;
  for (; row + kRows <= out.rows; row += kRows) {
    depthwise_rows<V, K, S, kRows>(input, weights, row, out);
  }
  depthwise_last_rows<V, K, S, kRows - 1>(input, weights, row, out);
}

}  // namespace
}  // namespace tfsparse
