// Average and maximum pooling of quad planes. Output columns whose windows are within the plane are
// computed by vectors, those at the edges one by one.
#pragma once

#include "delegate/kernels/int8/simd.h"
#include "delegate/kernels/pool_span.h"

namespace tfsparse {
namespace int8 {
namespace {

// The pixels of a window, row by row.
class PoolTaps {
 public:
  PoolTaps(const PoolArgs& a, const std::int8_t* x, PoolSpan rows, PoolSpan columns)
      : count(rows.count() * columns.count()),
        p_(x + (std::ptrdiff_t{rows.begin} * a.in_w + columns.begin) * kQuad),
        columns_(columns.count()),
        row_step_(std::ptrdiff_t{a.in_w - columns_} * kQuad) {}

  const int count;

  const std::int8_t* next() {
    const std::int8_t* tap = p_;
    p_ += kQuad;
    if (++column_ == columns_) column_ = 0, p_ += row_step_;
    return tap;
  }

 private:
  const std::int8_t* p_;
  int column_ = 0, columns_;
  std::ptrdiff_t row_step_;
};

// How a tap is loaded: for neighbouring output columns, or for one of them to all lanes.
template <int Stride>
struct TapsOfColumns {
  static constexpr int kDifferent = 4;  // of every four lanes
  int lanes;

  TFSPARSE_INLINE Quads operator()(const std::int8_t* p) const {
    return Stride == 1 ? Quads::load(p) : load_even(p, lanes);
  }
};
struct TapsOfColumn {
  static constexpr int kDifferent = 1;

  TFSPARSE_INLINE Quads operator()(const std::int8_t* p) const { return Quads::broadcast(p); }
};

class Largest {
 public:
  explicit Largest(const Output& output)
      : lo_(Quads::of_code(output.lo)), hi_(Quads::of_code(output.hi)) {}

  template <class Load>
  TFSPARSE_INLINE Quads of(PoolTaps taps, const Load& load) const {
    Quads largest = lo_;
    for (int i = 0; i < taps.count; ++i) largest = Quads::max(largest, load(taps.next()));
    return Quads::min(hi_, largest);
  }

 private:
  Quads lo_, hi_;
};

class Average {
 public:
  explicit Average(const Output& output) : finish_({0, output.lo, output.hi}) {}

  template <class Load>
  TFSPARSE_INLINE Quads of(PoolTaps taps, const Load& load) const {
    constexpr int kSums = Load::kDifferent;
    Sum sums[kSums];
    for (Sum& sum : sums) sum = Sum::of(Ints::broadcast(-taps.count * Quads::kFlip));
    // A dot product adds up four taps.
    for (int left = taps.count; left > 0; left -= 4) {
      Quads x[4], z[4];
      x[0] = load(taps.next());
      for (int i = 1; i < 4; ++i) x[i] = i < left ? load(taps.next()) : x[0];
      zip<kSums>(x[0], x[1], x[2], x[3], z);
      const LaneWeights ones = LaneWeights::load_group(kOnes[smaller(left, 4) - 1]);
      for (int i = 0; i < kSums; ++i) sums[i].add(z[i], ones);
    }
    const Factor factor = Factor::broadcast(1.0f / static_cast<float>(taps.count));
    const auto scaled = [&](int i) { return factor.scale(sums[i % kSums].total()); };
    return finish_.codes(scaled(0), scaled(1), scaled(2), scaled(3));
  }

 private:
  // Weights of one to four taps.
  static constexpr std::int8_t kOnes[4][16] = {
      {1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0},
      {1, 1, 0, 0, 1, 1, 0, 0, 1, 1, 0, 0, 1, 1, 0, 0},
      {1, 1, 1, 0, 1, 1, 1, 0, 1, 1, 1, 0, 1, 1, 1, 0},
      {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1},
  };
  Finish finish_;
};

// The output columns whose windows are within the plane, where vectors of them can be loaded.
struct InnerColumns {
  int begin, end;

  explicit InnerColumns(const PoolArgs& a) {
    const int past = a.in_w - a.window_w + a.pad_left;  // of the first column of a window
    begin = smaller(a.out_w, ceil_div(a.pad_left, a.stride_w));
    end = a.stride_w > 2 || past < 0 ? begin : smaller(a.out_w, past / a.stride_w + 1);
    end = larger(begin, end);
  }
};

template <int Stride, class Op>
void pool_plane(const PoolArgs& a, const Op& op, const std::int8_t* x, std::int8_t* y) {
  const InnerColumns inner(a);
  for (int row = 0; row < a.out_h; ++row, y += std::ptrdiff_t{a.out_w} * kQuad) {
    const auto pool = [&](int column, int lanes, const auto& load) {
      op.of(PoolTaps(a, x, pool_rows(a, row), pool_columns(a, column)), load)
          .store(y + std::ptrdiff_t{column} * kQuad, lanes);
    };
    for (int column = 0; column < inner.begin; ++column) pool(column, 1, TapsOfColumn());
    for (int column = inner.begin; column < inner.end; column += Quads::kLanes) {
      const int lanes = smaller(Quads::kLanes, inner.end - column);
      pool(column, lanes, TapsOfColumns<Stride>{lanes});
    }
    for (int column = inner.end; column < a.out_w; ++column) pool(column, 1, TapsOfColumn());
  }
}

template <int Stride, class Op>
void pool_planes(const PoolArgs& a) {
  const Op op(a.output);
  for (int quad = 0; quad < a.quads; ++quad) {
    pool_plane<Stride>(a, op, a.x + quad * a.x_stride, a.y + quad * a.y_stride);
  }
}

void pool(const PoolArgs& a) {
  if (a.op == Pooling::kMax) {
    a.stride_w == 1 ? pool_planes<1, Largest>(a) : pool_planes<2, Largest>(a);
  } else {
    a.stride_w == 1 ? pool_planes<1, Average>(a) : pool_planes<2, Average>(a);
  }
}

}  // namespace
}  // namespace int8
}  // namespace tfsparse
