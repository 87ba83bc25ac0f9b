// Depthwise convolution of one plane. A band of the plane is copied into scratch with its zero
// border and its columns sorted by their place in the stride, small enough to stay in L1; then
// every load is a plain one of consecutive floats, and output rows computed together share them.
#pragma once

#include "delegate/kernels/layout.h"

namespace tfsparse {
namespace {

constexpr int kDepthwiseBand = 5 * 1024;  // floats of scratch aimed at: 20 KB of a 32 KB L1

// Output rows computed together: as many accumulators as registers allow beside the weights, or,
// where the weights do not fit anyway, enough of them.
constexpr int depthwise_rows_at_once(int kernel) { return kernel == 3 && kRegisters == 32 ? 7 : 4; }

// How a plane is cut into bands, and where in scratch a band is: a plane for each column phase.
struct DepthwisePlan {
  int columns;     // of the bordered plane
  int row_stride;  // whole vectors, so that a third of the loads of a 3x3 kernel are aligned
  int band;        // output rows to one filling of the scratch
  int phase_stride;

  explicit DepthwisePlan(const DepthwiseArgs& a) {
    columns = (a.out_w - 1) * a.stride_w + (a.kernel_w - 1) * a.dilation_w + 1;
    row_stride = ceil_div(ceil_div(columns, a.stride_w), Vec::kLanes) * Vec::kLanes;
    const int rows = larger(0, kDepthwiseBand / (row_stride * a.stride_w) - bordered_rows(a, 1));
    const int at_once = depthwise_rows_at_once(a.kernel_h);
    band = smaller(a.out_h, ceil_div(rows / a.stride_h + 1, at_once) * at_once);
    phase_stride = bordered_rows(a, band) * row_stride;
  }
  static int bordered_rows(const DepthwiseArgs& a, int out_rows) {
    return (out_rows - 1) * a.stride_h + (a.kernel_h - 1) * a.dilation_h + 1;
  }
  // From the first column of a bordered row to the input of tap column kx of output column 0.
  int tap_offset(const DepthwiseArgs& a, int kx) const {
    const int column = kx * a.dilation_w;
    return column % a.stride_w * phase_stride + column / a.stride_w;
  }
};

// Both write whole vectors, so up to one more than n floats: what stands there is written later.
inline void fill_zero_roughly(float* y, int n) {
  for (int i = 0; i < n; i += Vec::kLanes) Vec::broadcast(0.0f).store(y + i);
}
inline void copy_strided_roughly(const float* x, float* y, int n, int step) {
  int i = 0;
  if (step == 1) {
    for (; i < n; i += Vec::kLanes) Vec::load(x + i).store(y + i);
  } else if (step == 2) {
    for (; i + Vec::kLanes <= n; i += Vec::kLanes) load_even<Vec>(x + 2 * i).store(y + i);
    for (; i < n; i += NarrowVec::kLanes) load_even<NarrowVec>(x + 2 * i).store(y + i);
  } else {
    for (; i < n; ++i) y[i] = x[static_cast<std::ptrdiff_t>(i) * step];
  }
}

// Fills scratch with `rows` rows of the bordered plane, the first of which is `first_row` of the
// plane itself; in ascending order of addresses, so that every rough end is written over.
inline void fill_band(const DepthwiseArgs& a, const DepthwisePlan& plan, float* scratch,
                      int first_row, int rows) {
  for (int phase = 0; phase < a.stride_w; ++phase) {
    const PhaseSpan span(phase, plan.columns, a.stride_w, a.in_w, a.pad_left);
    float* y = scratch + static_cast<std::ptrdiff_t>(phase) * plan.phase_stride;
    for (int row = first_row; row < first_row + rows; ++row, y += plan.row_stride) {
      if (row < 0 || row >= a.in_h || span.begin == span.end) {
        fill_zero_roughly(y, span.count);
        continue;
      }
      const float* x = a.x + static_cast<std::ptrdiff_t>(row) * a.in_w + span.column;
      fill_zero_roughly(y, span.begin);
      copy_strided_roughly(x, y + span.begin, span.end - span.begin, a.stride_w);
      fill_zero_roughly(y + span.end, span.count - span.end);
    }
  }
}

// What a kernel reads and writes: `rows` x `columns` outputs from a filled scratch.
struct DepthwiseBand {
  const DepthwiseArgs& args;
  const DepthwisePlan& plan;
  const float* x;
  float* y;
  int rows, columns;
};

// Inputs of a kernel's taps, from a filled scratch.
template <class V, int K>
struct BorderedInput {
  const float* x;
  int row_stride;
  int tap[K];

  BorderedInput(const DepthwiseBand& b, int column)
      : x(b.x + column), row_stride(b.plan.row_stride) {
    for (int kx = 0; kx < K; ++kx) tap[kx] = b.plan.tap_offset(b.args, kx);
  }
  bool has_row(int) const { return true; }
  TFSPARSE_INLINE void load(int row, V (&in)[K]) const {
    TFSPARSE_UNROLL
    for (int kx = 0; kx < K; ++kx) in[kx] = V::load(x + row * row_stride + tap[kx]);
  }
};

// The same from the plane itself: lanes beyond its edges are masked. S is the stride, 1 or 2.
template <class V, int K, int S>
struct PlaneInput {
  const float* x;
  int row_stride, rows, pad_top;
  typename V::Mask mask[K + 1], next_mask[K + 1];

  PlaneInput(const DepthwiseArgs& a, int column)
      : x(a.x + column * S - a.pad_left), row_stride(a.in_w), rows(a.in_h), pad_top(a.pad_top) {
    for (int kx = 0; kx < K; kx += S) {
      const int first = column * S - a.pad_left + kx;  // the plane's column that lane 0 is
      mask[kx] = V::window(-first, a.in_w - first);
      next_mask[kx] = V::window(-first - V::kLanes, a.in_w - first - V::kLanes);
    }
  }
  bool has_row(int row) const { return row >= pad_top && row < pad_top + rows; }
  TFSPARSE_INLINE void load(int row, V (&in)[K]) const {
    const float* xi = x + static_cast<std::ptrdiff_t>(row - pad_top) * row_stride;
    TFSPARSE_UNROLL
    for (int kx = 0; kx < K; kx += S) {
      if (S == 1) {
        in[kx] = V::load(xi + kx, mask[kx]);
      } else {
        const V a = V::load(xi + kx, mask[kx]), b = V::load(xi + kx + V::kLanes, next_mask[kx]);
        in[kx] = V::even(a, b);
        if (kx + 1 < K) in[kx + 1] = V::odd(a, b);
      }
    }
  }
};

// R rows of one vector of outputs. Input row i feeds tap row i - r * S of output row r.
template <class V, int K, int S, int R, class Input>
TFSPARSE_INLINE void depthwise_rows(const DepthwiseArgs& a, const Input& input, const V (&w)[K * K],
                                    int row, float* y, int lanes) {
  V acc[R];
  TFSPARSE_UNROLL
  for (int r = 0; r < R; ++r) acc[r] = V::broadcast(a.bias);
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
        if (ky >= 0 && ky < K) acc[r] = V::fma(in[kx], w[ky * K + kx], acc[r]);
      }
    }
  }
  const V lo = V::broadcast(a.epilogue.lo), hi = V::broadcast(a.epilogue.hi);
  TFSPARSE_UNROLL
  for (int r = 0; r < R; ++r) clamp(acc[r], lo, hi).store(y + (row + r) * a.out_w, lanes);
}

// The last rows, fewer than were computed together.
template <class V, int K, int S, int R, class Input>
TFSPARSE_INLINE void depthwise_last_rows(const DepthwiseArgs& a, const Input& input,
                                         const V (&w)[K * K], int row, int rows, float* y,
                                         int lanes) {
  if (rows - row == R) return depthwise_rows<V, K, S, R>(a, input, w, row, y, lanes);
  if constexpr (R > 1) depthwise_last_rows<V, K, S, R - 1>(a, input, w, row, rows, y, lanes);
}

// Every row of one vector of outputs.
template <class V, int K, int S, class Input>
TFSPARSE_INLINE void depthwise_column(const DepthwiseArgs& a, const Input& input,
                                      const V (&w)[K * K], int rows, float* y, int lanes) {
  constexpr int kRows = depthwise_rows_at_once(K);
  int row = 0;
  for (; row + kRows <= rows; row += kRows) {
    depthwise_rows<V, K, S, kRows>(a, input, w, row, y, lanes);
  }
  depthwise_last_rows<V, K, S, kRows - 1>(a, input, w, row, rows, y, lanes);
}

template <class V, int K>
struct DepthwiseWeights {
  V w[K * K];
  explicit DepthwiseWeights(const float* weights) {
    TFSPARSE_UNROLL
    for (int i = 0; i < K * K; ++i) w[i] = V::broadcast(weights[i]);
  }
};

template <class V, int K, int S>
void depthwise_band(const DepthwiseBand& b) {
  const DepthwiseWeights<V, K> weights(b.args.weights);
  for (int column = 0; column < b.columns; column += V::kLanes) {
    const BorderedInput<V, K> input(b, column);
    const int lanes = smaller(V::kLanes, b.columns - column);
    depthwise_column<V, K, S>(b.args, input, weights.w, b.rows, b.y + column, lanes);
  }
}

template <class V, int K, int S>
void depthwise_plane(const DepthwiseArgs& a, int begin, int end) {
  const DepthwiseWeights<V, K> weights(a.weights);
  for (int column = begin; column < end; column += V::kLanes) {
    const PlaneInput<V, K, S> input(a, column);
    const int lanes = smaller(V::kLanes, end - column);
    depthwise_column<V, K, S>(a, input, weights.w, a.out_h, a.y + column, lanes);
  }
}

// Any kernel size, stride and dilation.
template <class V>
void depthwise_band_of_any_kernel(const DepthwiseBand& b) {
  const DepthwiseArgs& a = b.args;
  const V lo = V::broadcast(a.epilogue.lo), hi = V::broadcast(a.epilogue.hi);
  for (int row = 0; row < b.rows; ++row) {
    for (int column = 0; column < b.columns; column += V::kLanes) {
      V acc = V::broadcast(a.bias);
      for (int ky = 0; ky < a.kernel_h; ++ky) {
        const int in_row = row * a.stride_h + ky * a.dilation_h;
        const float* x = b.x + in_row * b.plan.row_stride + column;
        for (int kx = 0; kx < a.kernel_w; ++kx) {
          const V w = V::broadcast(a.weights[ky * a.kernel_w + kx]);
          acc = V::fma(V::load(x + b.plan.tap_offset(a, kx)), w, acc);
        }
      }
      clamp(acc, lo, hi)
          .store(b.y + row * a.out_w + column, smaller(V::kLanes, b.columns - column));
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

// Whether there is a kernel that reads the plane itself.
inline bool reads_plane(const DepthwiseArgs& a) {
  return Vec::kFastMasks && a.kernel_h == a.kernel_w && (a.kernel_h == 3 || a.kernel_h == 5) &&
         a.stride_h == a.stride_w && a.stride_h <= 2 && a.dilation_h == 1 && a.dilation_w == 1;
}

template <class V>
void depthwise_plane_of(const DepthwiseArgs& a, int begin, int end) {
  if (begin == end) return;
  if (a.kernel_h == 3) {
    a.stride_h == 1 ? depthwise_plane<V, 3, 1>(a, begin, end)
                    : depthwise_plane<V, 3, 2>(a, begin, end);
  } else {
    a.stride_h == 1 ? depthwise_plane<V, 5, 1>(a, begin, end)
                    : depthwise_plane<V, 5, 2>(a, begin, end);
  }
}

std::size_t depthwise_scratch(const DepthwiseArgs& a) {
  if (a.out_h <= 0 || a.out_w <= 0 || reads_plane(a)) return 0;
  const DepthwisePlan plan(a);
  // A vector for aligning the beginning, and one for the rough end and for reading past it.
  return static_cast<std::size_t>(plan.phase_stride) * a.stride_w + 2 * Vec::kLanes;
}

inline void depthwise_by_bands(const DepthwiseArgs& a, int narrow) {
  const DepthwisePlan plan(a);
  constexpr std::uintptr_t kAlignment = Vec::kLanes * sizeof(float);
  float* scratch = reinterpret_cast<float*>(
      (reinterpret_cast<std::uintptr_t>(a.scratch) + kAlignment - 1) / kAlignment * kAlignment);
  for (int row = 0; row < a.out_h; row += plan.band) {
    const int rows = smaller(plan.band, a.out_h - row);
    float* y = a.y + static_cast<std::ptrdiff_t>(row) * a.out_w;
    fill_band(a, plan, scratch, row * a.stride_h - a.pad_top, plan.bordered_rows(a, rows));
    const DepthwiseBand band{a, plan, scratch, y, rows, a.out_w};
    depthwise_columns<Vec>(band, 0, a.out_w - narrow);
    depthwise_columns<NarrowVec>(band, a.out_w - narrow, narrow);
  }
}

void depthwise(const DepthwiseArgs& a) {
  if (a.out_h <= 0 || a.out_w <= 0) return;
  // The columns that whole vectors leave over go, if few, in narrow ones.
  const int left = a.out_w % Vec::kLanes;
  const int narrow = left <= NarrowVec::kLanes ? left : 0;
  DepthwiseArgs raw = a;
  if (a.epilogue.activation != Activation::kNone) raw.epilogue = Epilogue{};
  if (reads_plane(a)) {
    depthwise_plane_of<Vec>(raw, 0, a.out_w - narrow);
    depthwise_plane_of<NarrowVec>(raw, a.out_w - narrow, a.out_w);
  } else {
    depthwise_by_bands(raw, narrow);
  }
  if (a.epilogue.activation != Activation::kNone) {
    finish_run(a.epilogue, a.y, nullptr, a.out_h * a.out_w);
  }
}

}  // namespace
}  // namespace tfsparse
