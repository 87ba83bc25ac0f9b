// Depthwise convolution, a quad plane at a time. Four neighbouring rows are zipped, so that a lane
// has four rows' bytes of one pixel and channel, and one dot product multiplies a column of the
// kernel. Rows come from a band of the plane that is copied to scratch with its border, pixels
// sorted by column phase: then neighbouring outputs read neighbouring quads at any stride.
#pragma once

#include "delegate/kernels/int8/depthwise_taps.h"
#include "delegate/kernels/int8/layout.h"

namespace tfsparse {
namespace int8 {
namespace {

constexpr int kDepthwiseBand = 20 << 10;  // bytes of scratch aimed at, of a 32 KB L1
constexpr int kMaxRows = 2;               // of the output, computed together
constexpr int kMaxShifts = 3;             // taps that share zipped vectors

inline DepthwiseTaps taps_of(const DepthwiseArgs& a) {
  return DepthwiseTaps(a.kernel_h, a.kernel_w, a.stride_h, a.stride_w, a.dilation_h, a.dilation_w);
}

// How a plane is cut into bands, and where in scratch a band is: a plane for each column phase.
struct DepthwisePlan {
  int columns;                              // of the bordered plane
  std::ptrdiff_t row_stride, phase_stride;  // in bytes
  int band;                                 // output rows to one filling of the scratch

  explicit DepthwisePlan(const DepthwiseArgs& a) {
    columns = (a.out_w - 1) * a.stride_w + (a.kernel_w - 1) * a.dilation_w + 1;
    row_stride = std::ptrdiff_t{ceil_div(columns, a.stride_w)} * kQuad;
    const std::ptrdiff_t all = kDepthwiseBand / (row_stride * a.stride_w);
    const int rows = larger(0, static_cast<int>(all) - bordered_rows(a, 1));
    band = smaller(a.out_h, ceil_div(rows / a.stride_h + 1, kMaxRows) * kMaxRows);
    phase_stride = bordered_rows(a, band) * row_stride;
  }
  static int bordered_rows(const DepthwiseArgs& a, int out_rows) {
    return (out_rows - 1) * a.stride_h + (a.kernel_h - 1) * a.dilation_h + 1;
  }
};

// These write whole vectors, so up to kOverread bytes more: what stands there is written later.
inline void fill_roughly(Quads value, std::int8_t* y, int quads) {
  for (int i = 0; i < quads; i += Quads::kLanes) value.store(y + std::ptrdiff_t{i} * kQuad);
}
inline void copy_roughly(const std::int8_t* x, std::int8_t* y, int quads) {
  for (int i = 0; i < quads; i += kOverread / kQuad, x += kOverread, y += kOverread) {
    std::memcpy(y, x, kOverread);
  }
}
inline void copy_every_second_roughly(const std::int8_t* x, std::int8_t* y, int quads) {
  for (int i = 0; i < quads; i += Quads::kLanes, x += 2 * kVectorBytes, y += kVectorBytes) {
    load_even(x, quads - i).store(y);
  }
}
inline void copy_roughly(const std::int8_t* x, std::int8_t* y, int quads, int step) {
  if (step == 1) return copy_roughly(x, y, quads);
  if (step == 2) return copy_every_second_roughly(x, y, quads);
  copy_quads(x, y, quads, step);
}

// The last of several blocks overlaps the one before.
inline void copy_exactly(const std::int8_t* x, std::int8_t* y, int bytes) {
  constexpr int kBlock = 16;
  if (bytes < kBlock) {
    for (int i = 0; i < bytes; i += kQuad) std::memcpy(y + i, x + i, kQuad);
    return;
  }
  for (int i = 0; i + kBlock < bytes; i += kBlock) std::memcpy(y + i, x + i, kBlock);
  std::memcpy(y + bytes - kBlock, x + bytes - kBlock, kBlock);
}

// With `rows` bordered rows of the plane at x, the first of which is its row `first_row`.
inline void fill_band(const DepthwiseArgs& a, const DepthwisePlan& plan, const std::int8_t* x,
                      int first_row, int rows) {
  const Quads border = Quads::of_code(a.input_zero_point);
  for (int phase = 0; phase < a.stride_w; ++phase) {
    const PhaseSpan span(phase, plan.columns, a.stride_w, a.in_w, a.pad_left);
    std::int8_t* y = a.scratch + phase * plan.phase_stride;
    for (int row = first_row; row < first_row + rows; ++row, y += plan.row_stride) {
      if (row < 0 || row >= a.in_h || span.begin == span.end) {
        fill_roughly(border, y, span.count);
        continue;
      }
      const std::ptrdiff_t first = std::ptrdiff_t{row} * a.in_w + span.column;
      if (span.begin > 0) fill_roughly(border, y, span.begin);
      copy_roughly(x + first * kQuad, y + std::ptrdiff_t{span.begin} * kQuad, span.end - span.begin,
                   a.stride_w);
      if (span.end < span.count) {
        fill_roughly(border, y + std::ptrdiff_t{span.end} * kQuad, span.count - span.end);
      }
    }
  }
}

// Where one band is the whole plane and the stride is 1, the border is the same for all planes: it
// is filled once, and later planes are copied between it.
inline bool keeps_border(const DepthwiseArgs& a, const DepthwisePlan& plan) {
  return a.stride_w == 1 && plan.band >= a.out_h;
}
inline void fill_border(const DepthwiseArgs& a, const DepthwisePlan& plan) {
  const int quads = static_cast<int>(plan.phase_stride / kQuad);
  fill_roughly(Quads::of_code(a.input_zero_point), a.scratch, quads);
}
inline void copy_plane(const DepthwiseArgs& a, const DepthwisePlan& plan, const std::int8_t* x) {
  const PhaseSpan span(0, plan.columns, 1, a.in_w, a.pad_left);
  const int bytes = (span.end - span.begin) * kQuad;
  const int first = larger(0, -a.pad_top);  // row of the plane
  const int rows = smaller(a.in_h, plan.bordered_rows(a, a.out_h) - a.pad_top) - first;
  const std::int8_t* from = x + (std::ptrdiff_t{first} * a.in_w + span.column) * kQuad;
  std::int8_t* to = a.scratch + (first + a.pad_top) * plan.row_stride + span.begin * kQuad;
  for (int row = 0; row < rows; ++row, from += a.in_w * kQuad, to += plan.row_stride) {
    copy_exactly(from, to, bytes);
  }
}

template <int Rows>
using DepthwiseSums = Sum[Rows][4];  // four vectors of pixel and channel, of each output row

// += the products of Shifts neighbouring taps of four input rows.
template <int Rows, int Shifts>
TFSPARSE_INLINE void add_window(DepthwiseSums<Rows>& sums, const std::int8_t* const (&x)[4],
                                std::ptrdiff_t at, const std::int8_t* weights) {
  Quads z[4 + kMaxShifts - 1];
  const auto row = [&](int i) { return Quads::load(x[i] + at); };
  zip<4>(row(0), row(1), row(2), row(3), z);
  if constexpr (Shifts > 1) {
    const auto next = [&](int i) { return Quads::load(x[i] + at + kGroupBytes); };
    zip<Shifts - 1>(next(0), next(1), next(2), next(3), z + 4);
  }
  TFSPARSE_UNROLL
  for (int shift = 0; shift < Shifts; ++shift) {
    TFSPARSE_UNROLL
    for (int r = 0; r < Rows; ++r, weights += kGroupBytes) {
      const LaneWeights w = LaneWeights::load_group(weights);
      TFSPARSE_UNROLL
      for (int j = 0; j < 4; ++j) sums[r][j].add(z[j + shift], w);
    }
  }
}

// Neighbouring taps of a column phase.
struct Window {
  std::ptrdiff_t at;  // bytes from the first quad of a row
  int shifts;
};

template <int Rows>
TFSPARSE_INLINE void add_window(DepthwiseSums<Rows>& sums, const std::int8_t* const (&x)[4],
                                const Window& window, std::ptrdiff_t column,
                                const std::int8_t* weights) {
  const std::ptrdiff_t at = window.at + column;
  if (window.shifts == 3) return add_window<Rows, 3>(sums, x, at, weights);
  if (window.shifts == 2) return add_window<Rows, 2>(sums, x, at, weights);
  add_window<Rows, 1>(sums, x, at, weights);
}

// The windows of a row of the kernel, in the order of their weights.
class Windows {
 public:
  Windows(const DepthwiseTaps& taps, const DepthwisePlan& plan) {
    int last_phase = -1, last_shift = 0;
    taps.for_each_column([&](int, int phase, int shift) {
      const bool follows = phase == last_phase && shift == last_shift + 1;
      last_phase = phase, last_shift = shift;
      if (follows && windows_[count_ - 1].shifts < kMaxShifts) {
        ++windows_[count_ - 1].shifts;
      } else {
        windows_[count_++] = {phase * plan.phase_stride + shift * kQuad, 1};
      }
    });
  }
  const Window* begin() const { return windows_; }
  const Window* end() const { return windows_ + count_; }

 private:
  Window windows_[kMaxDepthwiseKernel];
  int count_ = 0;
};

// One quad plane's part of the arguments.
struct DepthwiseBand {
  const DepthwiseArgs& args;
  const DepthwisePlan& plan;
  const DepthwiseTaps& taps;
  const Windows& windows;
  const std::int8_t* weights;
  const std::int32_t* bias;
  const float* multipliers;
};

// += the products of all taps, `at` bytes from the first quad of each row. Shifts are those of the
// windows of a kernel of one group, where they are known: loops cost as much as their products.
template <int Rows, int... Shifts>
TFSPARSE_INLINE void add_taps(DepthwiseSums<Rows>& sums, const DepthwiseBand& b,
                              const std::int8_t* const (*x)[4], std::ptrdiff_t at) {
  const std::int8_t* weights = b.weights;
  if constexpr (sizeof...(Shifts) > 0) {
    const Window* window = b.windows.begin();
    ((add_window<Rows, Shifts>(sums, x[0], window->at + at, weights),
      weights += kGroupBytes * Rows * Shifts, ++window),
     ...);
  } else {
    for (int group = 0; group < b.taps.groups; ++group) {
      for (const Window& window : b.windows) {
        add_window<Rows>(sums, x[group], window, at, weights);
        weights += kGroupBytes * Rows * window.shifts;
      }
    }
  }
}

// The first `rows` output rows of a filled scratch, Rows at a time.
template <int Rows, bool Clamps, int... Shifts>
__attribute__((noinline)) void depthwise_rows(const DepthwiseBand& b, std::int8_t* y, int rows) {
  const DepthwiseArgs& a = b.args;
  const int width = a.out_w, groups = sizeof...(Shifts) > 0 ? 1 : b.taps.groups;
  const int last = b.plan.bordered_rows(a, rows) - 1;
  const std::ptrdiff_t row_bytes = std::ptrdiff_t{width} * kQuad;
  const Ints bias = Ints::load_group(b.bias);
  const SumFactor factor = SumFactor::load_group(b.multipliers);
  const Finish finish(a.output);
  for (int row = 0; row < rows; row += Rows, y += Rows * row_bytes) {
    const std::int8_t* x[DepthwiseTaps::kMaxGroups][4];
    for (int i = 0; i < 4 * groups; ++i) {
      // weights of rows behind the last are 0
      const int input = smaller(row * a.stride_h + i * a.dilation_h, last);
      x[i / 4][i % 4] = a.scratch + input * b.plan.row_stride;
    }
    const int stored = smaller(Rows, rows - row);
    for (int column = 0; column < width; column += Quads::kLanes) {
      DepthwiseSums<Rows> sums;
      TFSPARSE_UNROLL
      for (auto& of_row : sums) {
        TFSPARSE_UNROLL
        for (Sum& sum : of_row) sum = Sum::of(bias);
      }
      add_taps<Rows, Shifts...>(sums, b, x, std::ptrdiff_t{column} * kQuad);
      const int lanes = smaller(Quads::kLanes, width - column);
      TFSPARSE_UNROLL
      for (int r = 0; r < Rows; ++r) {
        if (r >= stored) continue;
        const auto scaled = [&](int j) { return factor.scale(sums[r][j].total()); };
        finish.codes<Clamps>(scaled(0), scaled(1), scaled(2), scaled(3))
            .store(y + r * row_bytes + std::ptrdiff_t{column} * kQuad, lanes);
      }
    }
  }
}

using DepthwiseRows = void (*)(const DepthwiseBand&, std::int8_t*, int);

// For 3x3 kernels of stride 1 or 2 and for others.
template <bool Clamps>
DepthwiseRows rows_kernel(const DepthwiseTaps& taps, const Windows& windows) {
  const Window* window = windows.begin();
  const bool known = taps.groups == 1 && taps.kernel_w == 3;
  if (taps.rows == 2) {
    return known && window[0].shifts == 3 ? depthwise_rows<2, Clamps, 3>
                                          : depthwise_rows<2, Clamps>;
  }
  const bool pair = windows.end() - window == 2 && window[0].shifts == 2;
  return known && pair ? depthwise_rows<1, Clamps, 2, 1> : depthwise_rows<1, Clamps>;
}

std::size_t depthwise_scratch(const DepthwiseArgs& a) {
  if (a.out_h <= 0 || a.out_w <= 0) return 0;
  // For reading past the end a whole vector and what its neighbours shift in, and the rough end.
  return DepthwisePlan(a).phase_stride * a.stride_w + 2 * kOverread;
}

void depthwise(const DepthwiseArgs& a) {
  if (a.out_h <= 0 || a.out_w <= 0) return;
  const DepthwisePlan plan(a);
  const DepthwiseTaps taps = taps_of(a);
  const Windows windows(taps, plan);
  const DepthwiseRows kernel = Finish(a.output).clamps() ? rows_kernel<true>(taps, windows)
                                                         : rows_kernel<false>(taps, windows);
  const bool keeps = keeps_border(a, plan);
  if (keeps) fill_border(a, plan);
  for (int quad = 0; quad < a.quads; ++quad) {
    const std::int8_t* x = a.x + quad * a.x_stride;
    const DepthwiseBand band{a,
                             plan,
                             taps,
                             windows,
                             a.weights + quad * taps.weight_bytes(),
                             a.bias + std::ptrdiff_t{quad} * kQuad,
                             a.multipliers + std::ptrdiff_t{quad} * kQuad};
    for (int row = 0; row < a.out_h; row += plan.band) {
      const int rows = smaller(plan.band, a.out_h - row);
      if (keeps) {
        copy_plane(a, plan, x);
      } else {
        fill_band(a, plan, x, row * a.stride_h - a.pad_top, plan.bordered_rows(a, rows));
      }
      kernel(band, a.y + quad * a.y_stride + std::ptrdiff_t{row} * a.out_w * kQuad, rows);
    }
  }
}

}  // namespace
}  // namespace int8
}  // namespace tfsparse
