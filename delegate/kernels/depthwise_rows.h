// Depthwise convolution of several output rows together, for both kinds of input.
#pragma once

#include "delegate/kernels/epilogue.h"
#include "delegate/kernels/layout.h"

namespace tfsparse {
namespace {

// Whether depthwise_walk.h computes planes of at least one vector of columns. With 16 lanes, most
// planes are narrower, or hardly wider.
constexpr bool kWalks = Vec::kFastMasks && Vec::kLanes < 16;
// Also narrower planes. Those of less than four columns are rare.
constexpr bool kWalksNarrow = kWalks && Vec::kLanes > 4;
// Also 7x7 kernels of stride 1. Not on arm64: much code for rare layers.
constexpr bool kWalksLarge = kWalksNarrow;

// As many rows as the registers hold beside the weights, or a few if the weights do not fit. With
// depthwise_walk.h, large kernels are rare here and would be much code.
constexpr int depthwise_rows_at_once(int kernel) {
  const int weights = ceil_div(kernel * kernel, Vec::kFactors);
  if (kWalks && kernel > 5) return 2;
  return weights + kernel + 7 < kRegisters ? 7 : 4;
}

// The output of one vector of columns.
struct DepthwiseOutput {
  Element* y;
  int row_stride, rows;
  int lanes;
  float lo, hi;
};

template <class V, int K>
struct DepthwiseWeights {
  Factors<V, K * K> w;
  V bias;

  TFSPARSE_INLINE DepthwiseWeights(const Element* weights, float bias_value)
      : w(weights), bias(V::broadcast(bias_value)) {}
};

// Reads K tap columns from scratch, which has a border: see depthwise.h.
template <class V, int K>
struct BorderedInput {
  const Element* x;
  int row_stride;
  int tap[K];

  static V in_order(V sum) { return sum; }
  bool has_row(int) const { return true; }
  const Element* row(int row) const { return x + static_cast<std::ptrdiff_t>(row) * row_stride; }
  TFSPARSE_INLINE void load(const Element* xi, V (&in)[K]) const {
    TFSPARSE_UNROLL
    for (int kx = 0; kx < K; ++kx) in[kx] = V::load(xi + tap[kx]);
  }
};

// Reads the plane itself. Masks the lanes outside its left and right edge. S is the stride, 1 or 2.
template <class V, int K, int S>
struct PlaneInput {
  const Element* x;  // input of output column 0 at row -pad_top, tap column 0
  int row_stride, first_row, rows;
  typename V::Edge edge[K], next_edge[K];

  TFSPARSE_INLINE PlaneInput(const DepthwiseArgs& a, int column) {
    const int first_column = column * S - a.pad_left;
    x = elements(a.x) + first_column - static_cast<std::ptrdiff_t>(a.pad_top) * a.in_w;
    row_stride = a.in_w;
    first_row = a.pad_top;
    rows = a.in_h;
    TFSPARSE_UNROLL
    for (int kx = 0; kx < K; kx += S) {
      const int first = first_column + kx, next = first + V::kLanes;
      edge[kx] = V::edge(-first, a.in_w - first);
      if (S == 2) next_edge[kx] = V::edge(-next, a.in_w - next);
    }
  }
  static V in_order(V sum) { return S == 2 ? V::in_order(sum) : sum; }
  // one comparison checks both ends
  bool has_row(int row) const {
    return static_cast<unsigned>(row - first_row) < static_cast<unsigned>(rows);
  }
  const Element* row(int row) const { return x + static_cast<std::ptrdiff_t>(row) * row_stride; }
  TFSPARSE_INLINE void load(const Element* xi, V (&in)[K]) const {
    TFSPARSE_UNROLL
    for (int kx = 0; kx < K; kx += S) {
      V odd;
      if (S == 1) {
        in[kx] = V::load(xi + kx, edge[kx]);
      } else {
        const V a = V::load(xi + kx, edge[kx]);
        const V b = V::load(xi + kx + V::kLanes, next_edge[kx]);
        in[kx] = V::even(a, b);
        odd = V::odd(a, b);
      }
      if (S == 2 && kx + 1 < K) in[kx + 1] = odd;
    }
  }
};

// Computes R output rows. Input row i is tap row i - r * S of output row r.
template <class V, int K, int S, int R, class Input>
TFSPARSE_INLINE void depthwise_rows(const Input& input, const DepthwiseWeights<V, K>& weights,
                                    int row, const DepthwiseOutput& out) {
  V acc[R];
  TFSPARSE_UNROLL
  for (int r = 0; r < R; ++r) acc[r] = weights.bias;
  const Element* x = input.row(row * S);
  TFSPARSE_UNROLL
  for (int i = 0; i < (R - 1) * S + K; ++i, x = next_row(x, input.row_stride)) {
    // other rows are inside, since every window has a row inside: see in_place_kernel
    const bool near_edge = i < K - 1 || i > (R - 1) * S;
    if (near_edge && !input.has_row(row * S + i)) continue;
    V in[K];
    input.load(x, in);
    TFSPARSE_UNROLL
    for (int kx = 0; kx < K; ++kx) {
      TFSPARSE_UNROLL
      for (int r = 0; r < R; ++r) {
        const int ky = i - r * S;
        if (ky >= 0 && ky < K) acc[r] = weights.w.fma(in[kx], ky * K + kx, acc[r]);
      }
    }
  }
  const V lo = V::broadcast(out.lo), hi = V::broadcast(out.hi);
  Element* y = out.y + static_cast<std::ptrdiff_t>(row) * out.row_stride;
  TFSPARSE_UNROLL
  for (int r = 0; r < R; ++r, y = next_row(y, out.row_stride))
    clamp(Input::in_order(acc[r]), lo, hi).store(y, out.lanes);
}

// Computes the rows from `row` on: R at a time, then the rest by halves of R. With depthwise_walk.h
// one at a time, to halve the code.
template <class V, int K, int S, int R = depthwise_rows_at_once(K), class Input>
TFSPARSE_INLINE void depthwise_column(const Input& input, const DepthwiseWeights<V, K>& weights,
                                      const DepthwiseOutput& out, int row = 0) {
  for (; row + R <= out.rows; row += R) depthwise_rows<V, K, S, R>(input, weights, row, out);
  constexpr int kNext = kWalks ? 1 : (R + 1) / 2;
  if constexpr (R > 1) depthwise_column<V, K, S, kNext>(input, weights, out, row);
}

}  // namespace
}  // namespace tfsparse
