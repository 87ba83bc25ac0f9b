// Pairs of rows of a quad plane, copied to scratch with their bytes in turn and with the border at
// both ends: what depthwise kernels read.
#pragma once

#include "delegate/kernels/int8/depthwise_taps.h"
#include "delegate/kernels/int8/layout.h"

namespace tfsparse {
namespace int8 {
namespace {

// Of a pixel of two rows: those of channel 0, those of channel 1 ...
constexpr int kPairBytes = 2 * kQuad;

// Pixels past the end of a pair that are written and read.
constexpr int kPairSlack = 2 * Quads::kLanes + 8;

// Where in scratch the pairs lie that outputs computed together read, and rows behind them.
struct PairLayout {
  int columns;                             // of the bordered plane
  int count;                               // of pairs
  std::ptrdiff_t phase_bytes, pair_bytes;  // from a column phase and a pair to the next
  std::ptrdiff_t row_bytes;

  PairLayout(const DepthwiseArgs& a, const DepthwiseTaps& taps)
      : columns((a.out_w - 1) * a.stride_w + (a.kernel_w - 1) * a.dilation_w + 1),
        count(2 * taps.groups) {
    const int pixels = ceil_div(columns, taps.phases);
    phase_bytes = (std::ptrdiff_t{pixels} + kPairSlack) * kPairBytes;
    pair_bytes = phase_bytes * taps.phases;
    const int longest = larger(pixels, larger(a.in_w, a.out_w));
    row_bytes = std::ptrdiff_t{longest} * kQuad + kOverread;
  }

  std::ptrdiff_t border_row() const { return count * pair_bytes; }
  // Rows for any use, i from 0 to 1.
  std::ptrdiff_t spare_row(int i) const { return border_row() + (1 + i) * row_bytes; }
  std::size_t bytes() const { return spare_row(2); }
};

// These read and write whole vectors: the first up to kOverread bytes too many, the second up to
// kPairSlack pixels.
inline void fill_roughly(Quads value, std::int8_t* y, std::ptrdiff_t bytes) {
  for (std::ptrdiff_t i = 0; i < bytes; i += kVectorBytes) value.store(y + i);
}
TFSPARSE_INLINE void zip_roughly(const std::int8_t* x0, const std::int8_t* x1, std::int8_t* y,
                                 int pixels) {
  constexpr int kVectors = kVectorBytes < 32 ? 2 : 1;
  TFSPARSE_NO_UNROLL
  for (; pixels > 0; pixels -= kVectors * Quads::kLanes) {
    Quads r0[kVectors], r1[kVectors], z[2 * kVectors];
    TFSPARSE_UNROLL
    for (int i = 0; i < kVectors; ++i) r0[i] = Quads::load(x0 + i * kVectorBytes);
    TFSPARSE_UNROLL
    for (int i = 0; i < kVectors; ++i) r1[i] = Quads::load(x1 + i * kVectorBytes);
    TFSPARSE_UNROLL
    for (int i = 0; i < kVectors; ++i) zip_rows(r0[i], r1[i], z + 2 * i);
    TFSPARSE_UNROLL
    for (int i = 0; i < 2 * kVectors; ++i) z[i].store(y + i * kVectorBytes);
    x0 += kVectors * kVectorBytes;
    x1 += kVectors * kVectorBytes;
    y += 2 * kVectors * kVectorBytes;
  }
}

// Copies pairs of rows of a plane. The border before them is the same for all: it is filled once.
class PairCopier {
 public:
  PairCopier(const DepthwiseArgs& a, const DepthwiseTaps& taps, const PairLayout& layout)
      : args_(a),
        layout_(layout),
        phases_(taps.phases),
        in_h_(a.in_h),
        dilation_(a.dilation_h),
        row_bytes_(std::ptrdiff_t{a.in_w} * kQuad),
        span_(0, layout.columns, taps.phases, a.in_w, a.pad_left),
        border_(Quads::of_code(a.input_zero_point)),
        border_row_(a.scratch + layout.border_row()) {
    fill_roughly(border_, a.scratch, layout.spare_row(0));
  }

  // Of rows `row` and `row` + the dilation of the plane x, which may be beyond its edges.
  template <bool Sorts>
  TFSPARSE_INLINE void copy(const std::int8_t* x, int row, std::int8_t* pair) const {
    const std::int8_t *x0 = row_of(x, row), *x1 = row_of(x, row + dilation_);
    if (Sorts && phases_ > 1) return sort(x0, x1, pair);
    const std::ptrdiff_t first = std::ptrdiff_t{span_.column} * kQuad;
    zip(x0 + first, x1 + first, span_, pair);
  }

 private:
  const std::int8_t* row_of(const std::int8_t* x, int row) const {
    const bool inside = row >= 0 && row < in_h_;
    return inside ? x + row * row_bytes_ : border_row_;
  }
  TFSPARSE_INLINE void zip(const std::int8_t* x0, const std::int8_t* x1, const PhaseSpan& span,
                           std::int8_t* y) const {
    zip_roughly(x0, x1, y + std::ptrdiff_t{span.begin} * kPairBytes, span.end - span.begin);
    fill_roughly(border_, y + std::ptrdiff_t{span.end} * kPairBytes,
                 std::ptrdiff_t{span.count - span.end} * kPairBytes);
  }
  __attribute__((noinline)) void sort(const std::int8_t* x0, const std::int8_t* x1,
                                      std::int8_t* pair) const {
    std::int8_t* sorted[] = {args_.scratch + layout_.spare_row(0),
                             args_.scratch + layout_.spare_row(1)};
    for (int phase = 0; phase < phases_; ++phase, pair += layout_.phase_bytes) {
      const PhaseSpan span(phase, layout_.columns, phases_, args_.in_w, args_.pad_left);
      const std::ptrdiff_t first = std::ptrdiff_t{span.column} * kQuad;
      copy_quads(x0 + first, sorted[0], span.end - span.begin, phases_);
      copy_quads(x1 + first, sorted[1], span.end - span.begin, phases_);
      zip(sorted[0], sorted[1], span, pair);
    }
  }

  const DepthwiseArgs& args_;
  const PairLayout& layout_;
  int phases_, in_h_, dilation_;
  std::ptrdiff_t row_bytes_;
  PhaseSpan span_;  // of the first column phase
  Quads border_;
  const std::int8_t* border_row_;
};

// Four rows' bytes of the pixels that Shifts neighbouring taps of four vectors of outputs multiply.
// A vector has pixels c, c + 2, c + 4 ... as two pairs of rows give them.
template <int Step, int Shifts>
class FourRows {
 public:
  TFSPARSE_INLINE FourRows(const std::int8_t* upper, const std::int8_t* lower) {
    constexpr int kLoads = (kInRun + 1) / 2;
    TFSPARSE_UNROLL
    for (int run = 0; run < kRuns; ++run) {
      Quads u[kLoads], l[kLoads];
      load<kLoads>(opaque(upper) + run * kPixels * kPairBytes, u);
      load<kLoads>(opaque(lower) + run * kPixels * kPairBytes, l);
      TFSPARSE_UNROLL
      for (int i = 0; i < kLoads; ++i) zip_pairs(u[i], l[i], z_[run] + 2 * i);
    }
  }
  // What a tap multiplies, `shift` pixels from the first.
  TFSPARSE_INLINE Quads of(int vector, int shift) const {
    const int part = vector * Step / 2, i = shift + (Step == 1 ? vector % 2 : 0);
    return kInTurn ? z_[0][part * kPixels + i] : z_[part][i];
  }

 private:
  static constexpr int kPixels = Quads::kLanes / 2;  // in a vector of a pair
  static constexpr int kParts = 2 * Step;            // of what four vectors of outputs read
  static constexpr int kInPart = Step == 1 ? Shifts + 1 : Shifts;
  // Vectors of one pixel are in the order of pixels through all parts.
  static constexpr bool kInTurn = kPixels == 2;
  static constexpr int kRuns = kInTurn ? 1 : kParts;
  static constexpr int kInRun = kInTurn ? (kParts - 1) * kPixels + kInPart : kInPart;

  // Every second pixel, since a vector has its neighbour, too.
  template <int Count>
  TFSPARSE_INLINE static void load(const std::int8_t* pair, Quads (&x)[Count]) {
    TFSPARSE_UNROLL
    for (int i = 0; i < Count; ++i) x[i] = Quads::load(pair + 2 * i * kPairBytes);
  }

  Quads z_[kRuns][(kInRun + 1) / 2 * 2];
};

}  // namespace
}  // namespace int8
}  // namespace tfsparse
