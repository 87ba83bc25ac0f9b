// Depthwise convolution, plane by plane. Output rows that are computed together share input loads.
// The input is read in place with masks at the edges, or from a bordered copy in scratch.
#pragma once

#include "delegate/kernels/depthwise_rows.h"
#include "delegate/kernels/depthwise_walk.h"
#include "delegate/kernels/elementwise.h"

namespace tfsparse {
namespace {

// Target size of the scratch: 20 KB of a 32 KB L1.
constexpr int kDepthwiseBand = 20 * 1024 / sizeof(Element);

// How a plane is split into bands of rows, and the layout of a band in scratch: one plane per
// column phase.
struct DepthwisePlan {
  int columns;     // of the bordered plane
  int row_stride;  // whole vectors: a third of the loads of a 3x3 kernel are aligned
  int band;        // output rows per filling of the scratch
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
  // Offset from the start of a bordered row to the input of output column 0 at tap column kx.
  int tap_offset(const DepthwiseArgs& a, int kx) const {
    const int column = kx * a.dilation_w;
    return column % a.stride_w * phase_stride + column / a.stride_w;
  }
};

// Both write whole vectors, up to one more than n floats. Later writes must overwrite the excess.
inline void fill_zero_roughly(Element* y, int n) {
  for (int i = 0; i < n; i += Vec::kLanes) Vec::broadcast(0.0f).store(y + i);
}
inline void copy_strided_roughly(const Element* x, Element* y, int n, int step) {
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

// Fills scratch with `rows` rows of the bordered plane, beginning at row `first_row` of the plane.
// Writes in ascending order, so that excess elements are overwritten.
inline void fill_band(const DepthwiseArgs& a, const DepthwisePlan& plan, Element* scratch,
                      int first_row, int rows) {
  for (int phase = 0; phase < a.stride_w; ++phase) {
    const PhaseSpan span(phase, plan.columns, a.stride_w, a.in_w, a.pad_left);
    Element* y = scratch + static_cast<std::ptrdiff_t>(phase) * plan.phase_stride;
    for (int row = first_row; row < first_row + rows; ++row, y += plan.row_stride) {
      if (row < 0 || row >= a.in_h || span.begin == span.end) {
        fill_zero_roughly(y, span.count);
        continue;
      }
      const Element* x = elements(a.x) + static_cast<std::ptrdiff_t>(row) * a.in_w + span.column;
      fill_zero_roughly(y, span.begin);
      copy_strided_roughly(x, y + span.begin, span.end - span.begin, a.stride_w);
      fill_zero_roughly(y + span.end, span.count - span.end);
    }
  }
}

// Computes `rows` x `columns` outputs from a filled scratch.
struct DepthwiseBand {
  const DepthwiseArgs& args;
  const DepthwisePlan& plan;
  const Element* x;
  Element* y;
  int rows, columns;
};

template <class V, int K, int S>
void depthwise_band(const DepthwiseBand& b) {
  const DepthwiseArgs& a = b.args;
  const DepthwiseWeights<V, K> weights(elements(a.weights), a.bias[0]);
  BorderedInput<V, K> input{b.x, b.plan.row_stride, {}};
  for (int kx = 0; kx < K; ++kx) input.tap[kx] = b.plan.tap_offset(a, kx);
  for (int column = 0; column < b.columns; column += V::kLanes) {
    const int lanes = smaller(V::kLanes, b.columns - column);
    const DepthwiseOutput out{b.y + column, a.out_w, b.rows, lanes, a.epilogue.lo, a.epilogue.hi};
    depthwise_column<V, K, S>(input, weights, out);
    input.x += V::kLanes;
  }
}

// For any kernel size, stride and dilation.
template <class V>
__attribute__((noinline)) void depthwise_band_of_any_kernel(const DepthwiseBand& b) {
  const DepthwiseArgs& a = b.args;
  const V lo = V::broadcast(a.epilogue.lo), hi = V::broadcast(a.epilogue.hi);
  for (int row = 0; row < b.rows; ++row) {
    for (int column = 0; column < b.columns; column += V::kLanes) {
      V acc = V::broadcast(a.bias[0]);
      for (int ky = 0; ky < a.kernel_h; ++ky) {
        const int in_row = row * a.stride_h + ky * a.dilation_h;
        const Element* x = b.x + in_row * b.plan.row_stride + column;
        for (int kx = 0; kx < a.kernel_w; ++kx) {
          const V w = V::broadcast(elements(a.weights)[ky * a.kernel_w + kx]);
          acc = V::fma(V::load(x + b.plan.tap_offset(a, kx)), w, acc);
        }
      }
      const int lanes = smaller(V::kLanes, b.columns - column);
      clamp(acc, lo, hi).store(b.y + row * a.out_w + column, lanes);
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
void depthwise_columns(DepthwiseBand b, int begin, int end) {
  if (begin == end) return;
  b.x += begin;
  b.y += begin;
  b.columns = end - begin;
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

// If few columns remain after whole vectors, narrow vectors start at this column.
inline int narrow_from(const DepthwiseArgs& a) {
  const int left = a.out_w % Vec::kLanes;
  return left <= NarrowVec::kLanes ? a.out_w - left : a.out_w;
}

// For the first plane only.
inline void depthwise_by_bands(const DepthwiseArgs& a) {
  const DepthwisePlan plan(a);
  constexpr std::uintptr_t kAlignment = sizeof(Vec);
  Element* scratch = reinterpret_cast<Element*>(
      (reinterpret_cast<std::uintptr_t>(a.scratch) + kAlignment - 1) / kAlignment * kAlignment);
  for (int row = 0; row < a.out_h; row += plan.band) {
    const int rows = smaller(plan.band, a.out_h - row);
    Element* y = elements(a.y) + static_cast<std::ptrdiff_t>(row) * a.out_w;
    fill_band(a, plan, scratch, row * a.stride_h - a.pad_top, plan.bordered_rows(a, rows));
    const DepthwiseBand band{a, plan, scratch, y, rows, a.out_w};
    depthwise_columns<Vec>(band, 0, narrow_from(a));
    depthwise_columns<NarrowVec>(band, narrow_from(a), a.out_w);
  }
}

// Computes output columns [column, column + lanes) of every plane. Inlined, so that whole vectors
// are stored whole.
template <class V, int K, int S>
TFSPARSE_INLINE void depthwise_in_place_column(const DepthwiseArgs& a, int column, int lanes) {
  PlaneInput<V, K, S> input(a, column);
  DepthwiseOutput out{elements(a.y) + column, a.out_w,      a.out_h, lanes,
                      a.epilogue.lo,          a.epilogue.hi};
  for (int plane = 0; plane < a.planes; ++plane) {
    const DepthwiseWeights<V, K> weights(elements(a.weights) + plane * K * K, a.bias[plane]);
    depthwise_column<V, K, S>(input, weights, out);
    input.x += a.x_stride;
    out.y += a.y_stride;
  }
}

template <class V, int K, int S>
void depthwise_in_place_columns(const DepthwiseArgs& a, int begin, int end) {
  for (int column = begin; column < end; column += V::kLanes) {
    depthwise_in_place_column<V, K, S>(a, column, smaller(V::kLanes, end - column));
  }
}

template <int K, int S>
void depthwise_in_place(const DepthwiseArgs& a) {
  if constexpr (kWalks) {
    if (!Vec::kFreeMasks || can_walk(a)) return depthwise_walk<K, S>(a);
  }
  depthwise_in_place_columns<Vec, K, S>(a, 0, narrow_from(a));
  depthwise_in_place_columns<NarrowVec, K, S>(a, narrow_from(a), a.out_w);
}

// The kernel that reads planes in place, or null if none applies.
inline void (*in_place_kernel(const DepthwiseArgs& a))(const DepthwiseArgs&) {
  const bool alike = a.kernel_h == a.kernel_w && a.stride_h == a.stride_w;
  if (!Vec::kFastMasks || !alike || a.dilation_h != 1 || a.dilation_w != 1) return nullptr;
  if (!Vec::kFreeMasks && !can_walk(a)) return nullptr;
  const int last_row = (a.out_h - 1) * a.stride_h - a.pad_top;
  if (a.pad_top >= a.kernel_h || last_row >= a.in_h) return nullptr;  // a window outside the plane
  if (a.kernel_h == 3 && a.stride_h == 1) return depthwise_in_place<3, 1>;
  if (a.kernel_h == 3 && a.stride_h == 2) return depthwise_in_place<3, 2>;
  if (a.kernel_h == 5 && a.stride_h == 1) return depthwise_in_place<5, 1>;
  if (a.kernel_h == 5 && a.stride_h == 2) return depthwise_in_place<5, 2>;
  if constexpr (kWalksLarge) {
    if (a.kernel_h == 7 && a.stride_h == 1 && can_walk(a)) return depthwise_walk<7, 1>;
  }
  return nullptr;
}

// Whether an output depends on one pixel, in the same place.
inline bool has_one_tap(const DepthwiseArgs& a) {
  return a.kernel_h == 1 && a.kernel_w == 1 && a.stride_h == 1 && a.stride_w == 1 &&
         a.pad_top == 0 && a.pad_left == 0 && a.out_h == a.in_h && a.out_w == a.in_w;
}

void scale_planes(const DepthwiseArgs& a) {
  for (int plane = 0; plane < a.planes; ++plane) {
    const Element* x = elements(a.x) + plane * a.x_stride;
    const Vec scale = Vec::broadcast(elements(a.weights)[plane]);
    const Vec offset = Vec::broadcast(a.bias[plane]);
    map_and_finish(a.epilogue, elements(a.y) + plane * a.y_stride,
                   static_cast<std::size_t>(a.out_h) * a.out_w,
                   [&](std::size_t i, auto load) { return Vec::fma(load(x + i), scale, offset); });
  }
}

std::size_t depthwise_scratch(const DepthwiseArgs& a) {
  if (a.out_h <= 0 || a.out_w <= 0 || has_one_tap(a) || in_place_kernel(a)) return 0;
  const DepthwisePlan plan(a);
  // One vector to align the start, one for excess writes and reads past the end.
  return static_cast<std::size_t>(plan.phase_stride) * a.stride_w + 2 * Vec::kLanes;
}

void depthwise(const DepthwiseArgs& args) {
  if (args.out_h <= 0 || args.out_w <= 0) return;
  if (has_one_tap(args)) return scale_planes(args);
  const auto in_place = in_place_kernel(args);
  // Planes up to one vector wide are processed together and share the masks. Of wider ones, as many
  // as stay in the cache for the second vector of columns.
  const int cached = larger(1, kDepthwiseBand / larger(1, args.in_h * args.in_w));
  const int most = !in_place ? 1 : args.out_w <= Vec::kLanes ? args.planes : cached;
  const bool activates = args.epilogue.activation != Activation::kNone;
  DepthwiseArgs a = args;
  if (activates) a.epilogue = Epilogue{};
  for (int plane = 0; plane < args.planes; plane += most) {
    const int at_once = a.planes = smaller(most, args.planes - plane);
    in_place ? in_place(a) : depthwise_by_bands(a);
    if (activates) {
      for (int p = 0; p < at_once; ++p) {
        finish_run(args.epilogue, elements(a.y) + p * a.y_stride, nullptr, a.out_h * a.out_w);
      }
    }
    a.x = Padded<const void>(elements(a.x) + at_once * a.x_stride);
    a.y = elements(a.y) + at_once * a.y_stride;
    a.weights = elements(a.weights) + at_once * a.kernel_h * a.kernel_w;
    a.bias += at_once;
  }
}

}  // namespace
}  // namespace tfsparse
