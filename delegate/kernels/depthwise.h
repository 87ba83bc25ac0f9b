// Depthwise convolution of one plane. A band of the plane is copied into scratch with its zero
// border and its columns sorted by their place in the stride, small enough to stay in L1; then
// every load is a plain one of consecutive floats, and output rows computed together share them.
#pragma once

#include "delegate/kernels/layout.h"

namespace tfsparse {
namespace {

constexpr int kDepthwiseRows = 4;         // output rows computed together
constexpr int kDepthwiseBand = 5 * 1024;  // floats of scratch aimed at: 20 KB of a 32 KB L1

struct DepthwisePlan {
  int columns;                   // of the bordered plane
  int phase_stride, row_stride;  // of the scratch
  int reach;                     // bordered rows that one output row sees
  int band;                      // output rows to one filling of the scratch

  explicit DepthwisePlan(const DepthwiseArgs& a) {
    columns = (a.out_w - 1) * a.stride_w + (a.kernel_w - 1) * a.dilation_w + 1;
    phase_stride = ceil_div(columns, a.stride_w);
    row_stride = phase_stride * a.stride_w;
    reach = (a.kernel_h - 1) * a.dilation_h + 1;
    band = larger(0, kDepthwiseBand / row_stride - reach) / a.stride_h + 1;
    band = smaller(a.out_h, ceil_div(band, kDepthwiseRows) * kDepthwiseRows);
  }
};

// What a kernel reads and writes: `rows` x `columns` outputs from a filled scratch.
struct DepthwiseBand {
  const DepthwiseArgs& args;
  const float* x;
  int x_row_stride;
  int phase_stride;
  float* y;
  int rows, columns;

  // From the first column of a bordered row to the input of tap kx of output column 0.
  int tap_column(int kx) const {
    const int column = kx * args.dilation_w;
    return column % args.stride_w * phase_stride + column / args.stride_w;
  }
};

// R rows of outputs, all columns. Input row i feeds tap row i - r * S of output row r.
template <class V, int K, int S, int R>
inline void depthwise_rows(const DepthwiseBand& b, const V (&w)[K * K], const int (&tap)[K],
                           int row) {
  const float* x = b.x + row * S * b.x_row_stride;
  float* y = b.y + row * b.args.out_w;
  const V bias = V::broadcast(b.args.bias);
  for (int column = 0; column < b.columns; column += V::kLanes) {
    V acc[R];
    TFSPARSE_UNROLL
    for (int r = 0; r < R; ++r) acc[r] = bias;
    TFSPARSE_UNROLL
    for (int i = 0; i < (R - 1) * S + K; ++i) {
      const float* xi = x + i * b.x_row_stride + column;
      TFSPARSE_UNROLL
      for (int kx = 0; kx < K; ++kx) {
        const V in = V::load(xi + tap[kx]);
        TFSPARSE_UNROLL
        for (int r = 0; r < R; ++r) {
          const int ky = i - r * S;
          if (ky >= 0 && ky < K) acc[r] = V::fma(in, w[ky * K + kx], acc[r]);
        }
      }
    }
    const int lanes = smaller(V::kLanes, b.columns - column);
    TFSPARSE_UNROLL
    for (int r = 0; r < R; ++r) {
      apply(b.args.epilogue, acc[r]).store(y + r * b.args.out_w + column, lanes);
    }
  }
}

template <class V, int K, int S>
void depthwise_band(const DepthwiseBand& b) {
  V w[K * K];
  TFSPARSE_UNROLL
  for (int i = 0; i < K * K; ++i) w[i] = V::broadcast(b.args.weights[i]);
  int tap[K];
  for (int kx = 0; kx < K; ++kx) tap[kx] = b.tap_column(kx);
  int row = 0;
  for (; row + 4 <= b.rows; row += 4) depthwise_rows<V, K, S, 4>(b, w, tap, row);
  switch (b.rows - row) {
    case 3:
      return depthwise_rows<V, K, S, 3>(b, w, tap, row);
    case 2:
      return depthwise_rows<V, K, S, 2>(b, w, tap, row);
    case 1:
      return depthwise_rows<V, K, S, 1>(b, w, tap, row);
  }
}

// Any kernel size, stride and dilation.
template <class V>
void depthwise_band_of_any_kernel(const DepthwiseBand& b) {
  const DepthwiseArgs& a = b.args;
  for (int row = 0; row < b.rows; ++row) {
    for (int column = 0; column < b.columns; column += V::kLanes) {
      V acc = V::broadcast(a.bias);
      for (int ky = 0; ky < a.kernel_h; ++ky) {
        const float* x = b.x + (row * a.stride_h + ky * a.dilation_h) * b.x_row_stride + column;
        for (int kx = 0; kx < a.kernel_w; ++kx) {
          const V w = V::broadcast(a.weights[ky * a.kernel_w + kx]);
          acc = V::fma(V::load(x + b.tap_column(kx)), w, acc);
        }
      }
      const int lanes = smaller(V::kLanes, b.columns - column);
      apply(a.epilogue, acc).store(b.y + row * a.out_w + column, lanes);
    }
  }
}

template <class V, int K>
void depthwise_band_of_kernel(const DepthwiseBand& b) {
  if (b.args.stride_h == 1) return depthwise_band<V, K, 1>(b);
  if (b.args.stride_h == 2) return depthwise_band<V, K, 2>(b);
  depthwise_band_of_any_kernel<V>(b);
}

template <class V>
void depthwise_columns(DepthwiseBand b, int first, int count) {
  if (count == 0) return;
  b.x += first;
  b.y += first;
  b.columns = count;
  const bool square = b.args.kernel_h == b.args.kernel_w && b.args.dilation_h == 1;
  switch (square ? b.args.kernel_h : 0) {
    case 3:
      return depthwise_band_of_kernel<V, 3>(b);
    case 5:
      return depthwise_band_of_kernel<V, 5>(b);
    case 7:
      return depthwise_band_of_kernel<V, 7>(b);
    default:
      return depthwise_band_of_any_kernel<V>(b);
  }
}

std::size_t depthwise_scratch(const DepthwiseArgs& a) {
  if (a.out_h <= 0 || a.out_w <= 0) return 0;
  const DepthwisePlan plan(a);
  const std::size_t rows = static_cast<std::size_t>(plan.band - 1) * a.stride_h + plan.reach;
  return rows * plan.row_stride + kOverread;
}

void depthwise(const DepthwiseArgs& a) {
  if (a.out_h <= 0 || a.out_w <= 0) return;
  const DepthwisePlan plan(a);
  // Columns left over by whole vectors, if few, go in narrow ones.
  const int left = a.out_w % Vec::kLanes;
  const int narrow = left <= NarrowVec::kLanes ? left : 0;
  for (int row = 0; row < a.out_h; row += plan.band) {
    const int rows = smaller(plan.band, a.out_h - row);
    PadArgs border{};
    border.x = a.x;
    border.in_h = a.in_h;
    border.in_w = a.in_w;
    border.x_pixel_stride = 1;
    border.x_row_stride = a.in_w;
    border.y = a.scratch;
    border.out_h = (rows - 1) * a.stride_h + plan.reach;
    border.out_w = plan.columns;
    border.pad_top = a.pad_top - row * a.stride_h;
    border.pad_left = a.pad_left;
    border.stride_w = a.stride_w;
    border.row_stride = plan.row_stride;
    border.phase_stride = plan.phase_stride;
    pad(border);
    const DepthwiseBand band{a,
                             a.scratch,
                             plan.row_stride,
                             plan.phase_stride,
                             a.y + static_cast<std::ptrdiff_t>(row) * a.out_w,
                             rows,
                             a.out_w};
    depthwise_columns<Vec>(band, 0, a.out_w - narrow);
    depthwise_columns<NarrowVec>(band, a.out_w - narrow, narrow);
  }
}

}  // namespace
}  // namespace tfsparse
