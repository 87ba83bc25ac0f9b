// Depthwise convolution, a quad plane at a time. A lane has four rows' bytes of one pixel and
// channel, so that one dot product multiplies a column of the kernel. Such vectors are made of two
// pairs of rows (depthwise_pairs.h). Outputs of neighbouring rows read some pairs in common, so
// that each row of the plane is copied once, and only the pairs in use are in scratch.
#pragma once

#include "delegate/kernels/int8/depthwise_pairs.h"

namespace tfsparse {
namespace int8 {
namespace {

constexpr int kMaxShifts = 3;  // taps that share vectors of four rows

inline DepthwiseTaps taps_of(const DepthwiseArgs& a) {
  return DepthwiseTaps(a.kernel_h, a.kernel_w, a.stride_h, a.stride_w, a.dilation_w);
}

template <int Rows>
using DepthwiseSums = Sum[Rows][4];  // four vectors of each output row

// += the products of neighbouring taps. weights(i) are those of tap i / Rows for row i % Rows.
template <int Step, int Shifts, int Rows, class Weights>
TFSPARSE_INLINE void add_taps(DepthwiseSums<Rows>& sums, const FourRows<Step, Shifts>& x,
                              const Weights& weights) {
  TFSPARSE_UNROLL
  for (int i = 0; i < Rows * Shifts; ++i) {
    const LaneWeights w = weights(i);
    TFSPARSE_UNROLL
    for (int j = 0; j < 4; ++j) sums[i % Rows][j].add(x.of(j, i / Rows), w);
  }
}

// Neighbouring taps of a column phase.
struct Window {
  std::ptrdiff_t at;  // bytes from the start of a pair
  int shifts;
};

// The windows of a row of the kernel, in the order of their weights.
class Windows {
 public:
  Windows(const DepthwiseTaps& taps, const PairLayout& layout) {
    int last_phase = -1, last_shift = 0;
    taps.for_each_column([&](int, int phase, int shift) {
      const bool follows = phase == last_phase && shift == last_shift + 1;
      last_phase = phase, last_shift = shift;
      if (follows && windows_[count_ - 1].shifts < kMaxShifts) {
        ++windows_[count_ - 1].shifts;
      } else {
        windows_[count_++] = {phase * layout.phase_bytes + shift * kPairBytes, 1};
      }
    });
  }
  const Window* begin() const { return windows_; }
  const Window* end() const { return windows_ + count_; }

 private:
  Window windows_[kMaxDepthwiseKernel];
  int count_ = 0;
};

// What all planes have in common.
struct DepthwiseCall {
  DepthwiseArgs args;
  DepthwiseTaps taps;
  PairLayout layout;
  Windows windows;
  PairCopier copier;

  explicit DepthwiseCall(const DepthwiseArgs& a)
      : args(a),
        taps(taps_of(a)),
        layout(a, taps),
        windows(taps, layout),
        copier(args, taps, layout) {}
};

// += the products of all taps of a kernel, `at` bytes from the start of each pair.
template <int Step, int Rows>
TFSPARSE_INLINE void add_windows(DepthwiseSums<Rows>& sums, const DepthwiseCall& call,
                                 const std::int8_t* const* pairs, std::ptrdiff_t at,
                                 const std::int8_t* weights) {
  const auto load = [&](int i) { return LaneWeights::load_group(weights + i * kGroupBytes); };
  for (int group = 0; group < call.taps.groups; ++group, pairs += 2) {
    for (const Window& window : call.windows) {
      const std::int8_t *upper = pairs[0] + at + window.at, *lower = pairs[1] + at + window.at;
      if (window.shifts == 3) {
        add_taps(sums, FourRows<Step, 3>(upper, lower), load);
      } else if (window.shifts == 2) {
        add_taps(sums, FourRows<Step, 2>(upper, lower), load);
      } else {
        add_taps(sums, FourRows<Step, 1>(upper, lower), load);
      }
      weights += kGroupBytes * Rows * window.shifts;
    }
  }
}

// The weights of Count taps of a plane, which stay in registers on processors with enough of them.
template <int Count>
class PlaneWeights {
 public:
  TFSPARSE_INLINE explicit PlaneWeights(const std::int8_t* p) : p_(p) {
#if defined(TFSPARSE_NEON)
    TFSPARSE_UNROLL
    for (int i = 0; i < Count; ++i) kept_[i] = LaneWeights::load_group(p + i * kGroupBytes);
#endif
  }
  const std::int8_t* all() const { return p_; }
  TFSPARSE_INLINE LaneWeights operator()(int i) const {
#if defined(TFSPARSE_NEON)
    return kept_[i];
#else
    return LaneWeights::load_group(p_ + i * kGroupBytes);
#endif
  }

 private:
  const std::int8_t* p_;
#if defined(TFSPARSE_NEON)
  LaneWeights kept_[larger(1, Count)];
#endif
};

// Computes Rows rows of the output from the pairs that they read. If a kernel is of one group of
// rows and of one window, Shifts are its taps; else it is 0.
template <int Rows, int Step, int Shifts, Narrow How>
class RowKernel {
 public:
  TFSPARSE_INLINE RowKernel(const DepthwiseCall& call, int quad)
      : call_(call),
        weights_(call.args.weights + quad * call.taps.weight_bytes()),
        last_(larger(0, call.args.out_w - Quads::kLanes)),
        factor_(SumFactor::load_group(call.args.multipliers + std::ptrdiff_t{quad} * kQuad)),
        finish_(call.args.output, call.args.short_sums) {}

  // `start` are four times the sum of no products. Writes whole vectors, the last of which overlaps
  // the one before: Quads::kLanes outputs or more.
  TFSPARSE_INLINE void run(const std::int8_t* const* pairs, const Sum* start,
                           std::int8_t* const (&y)[Rows]) const {
    std::ptrdiff_t column = 0;
    while (true) {
      DepthwiseSums<Rows> sums;
      TFSPARSE_UNROLL
      for (auto& of_row : sums) {
        start = opaque(start);  // a load each, and not a move: registers are few
        TFSPARSE_UNROLL
        for (int j = 0; j < 4; ++j) of_row[j] = start[j];
      }
      const std::ptrdiff_t at = column * (Step * kPairBytes);
      if constexpr (Shifts > 0) {
        add_taps(sums, FourRows<Step, Shifts>(pairs[0] + at, pairs[1] + at), weights_);
      } else {
        add_windows<Step>(sums, call_, pairs, at, weights_.all());
      }
      TFSPARSE_UNROLL
      for (int r = 0; r < Rows; ++r) codes(sums[r]).store(y[r] + column * kQuad);
      if (column >= last_) return;
      column += Quads::kLanes;
      if (column > last_) column = last_;
    }
  }

 private:
  TFSPARSE_INLINE Quads codes(const Sum (&sums)[4]) const {
    const auto scaled = [&](int j) { return factor_.scale(sums[j].total()); };
    const Quads codes = finish_.codes<How>(scaled(0), scaled(1), scaled(2), scaled(3));
    return Step == 1 ? codes.in_pair_order() : codes.in_order();
  }

  const DepthwiseCall& call_;
  PlaneWeights<Rows * Shifts> weights_;
  std::ptrdiff_t last_;  // column where a vector starts
  SumFactor factor_;
  Finish finish_;
};

// Where Rows rows of the output are written that are computed together: to scratch where they are
// beyond the last, or shorter than a vector.
template <int Rows>
class OutputRows {
 public:
  OutputRows(const DepthwiseArgs& a, const PairLayout& layout)
      : apart_(Rows == 2 ? a.dilation_h : 1),
        height_(a.out_h),
        width_(a.out_w),
        row_bytes_(std::ptrdiff_t{a.out_w} * kQuad),
        spare_{a.scratch + layout.spare_row(0), a.scratch + layout.spare_row(1)} {}

  int apart() const { return apart_; }
  TFSPARSE_INLINE void locate(std::int8_t* y, int row, std::int8_t* (&to)[Rows]) const {
    TFSPARSE_UNROLL
    for (int r = 0; r < Rows; ++r, row += apart_) {
      to[r] = row < height_ && !is_short() ? y + row * row_bytes_ : spare_[r];
    }
  }
  // To be called when they were computed.
  TFSPARSE_INLINE void finish(std::int8_t* y, int row) const {
    if (!is_short()) return;
    for (int r = 0; r < Rows && row < height_; ++r, row += apart_) {
      Quads::load(spare_[r]).store(y + row * row_bytes_, width_);
    }
  }

 private:
  bool is_short() const { return width_ < Quads::kLanes; }

  int apart_, height_, width_;
  std::ptrdiff_t row_bytes_;
  std::int8_t* spare_[2];
};

template <int Rows, int Step, int Shifts, Narrow How>
__attribute__((noinline)) void depthwise_planes(const DepthwiseCall& call) {
  const DepthwiseArgs a = call.args;  // copies, which stores to y cannot alias
  const PairCopier copier = call.copier;
  const OutputRows<Rows> outputs(a, call.layout);
  const int apart = outputs.apart(), count = Shifts > 0 ? 2 : call.layout.count;
  // Where the next outputs begin two rows of the kernel below, they read one new pair.
  const bool follow = Rows * apart * a.stride_h == 2 * a.dilation_h;
  std::int8_t* pairs[2 * DepthwiseTaps::kMaxGroups];
  for (int i = 0; i < count; ++i) pairs[i] = a.scratch + i * call.layout.pair_bytes;
  for (int quad = 0; quad < a.quads; ++quad) {
    const std::int8_t* const x = a.x + quad * a.x_stride;
    std::int8_t* const y = a.y + quad * a.y_stride;
    const RowKernel<Rows, Step, Shifts, How> kernel(call, quad);
    const Sum zero = Sum::of(Ints::load_group(a.bias + std::ptrdiff_t{quad} * kQuad));
    const Sum start[] = {zero, zero, zero, zero};
    for (int first = 0; first < smaller(apart, a.out_h); ++first) {
      int input = first * a.stride_h - a.pad_top, missing = count;
      for (int row = first; row < a.out_h;) {
        std::int8_t* const oldest = pairs[0];
        for (int i = 1; i < count; ++i) pairs[i - 1] = pairs[i];
        pairs[count - 1] = oldest;
        copier.template copy<Shifts == 0 && Step == 1>(x, input, oldest);
        input += 2 * a.dilation_h;
        if (--missing > 0) continue;
        std::int8_t* to[Rows];
        outputs.locate(y, row, to);
        kernel.run(pairs, start, to);
        outputs.finish(y, row);
        row += Rows * apart;
        missing = follow ? 1 : count;
        if (!follow) input = row * a.stride_h - a.pad_top;
      }
    }
  }
}

using PlanesKernel = void (*)(const DepthwiseCall&);

// For 3x3 kernels of stride 1 or 2 and for others, where clamping that is not needed is a small
// part of the work.
PlanesKernel planes_kernel(const DepthwiseCall& call) {
  const bool two = call.taps.rows == 2;
  const Windows& windows = call.windows;
  const bool one = call.taps.groups == 1 && windows.end() - windows.begin() == 1;
  if (one && windows.begin()->shifts == 3 && call.taps.phases == 1 &&
      (two || call.taps.step == 2)) {
    const Finish finish(call.args.output, call.args.short_sums);
    return finish.choose_narrow([&](auto how) -> PlanesKernel {
      return two ? depthwise_planes<2, 1, 3, how> : depthwise_planes<1, 2, 3, how>;
    });
  }
  constexpr Narrow kAny = Narrow::kClamped;
  if (two) return depthwise_planes<2, 1, 0, kAny>;
  return call.taps.step == 2 ? depthwise_planes<1, 2, 0, kAny> : depthwise_planes<1, 1, 0, kAny>;
}

std::size_t depthwise_scratch(const DepthwiseArgs& a) {
  if (a.out_h <= 0 || a.out_w <= 0) return 0;
  return PairLayout(a, taps_of(a)).bytes();
}

void depthwise(const DepthwiseArgs& a) {
  if (a.out_h <= 0 || a.out_w <= 0) return;
  const DepthwiseCall call(a);
  planes_kernel(call)(call);
}

}  // namespace
}  // namespace int8
}  // namespace tfsparse
