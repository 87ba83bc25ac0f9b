// Depthwise convolution of whole planes. Tiles of columns move down the plane, so that each input
// row is loaded once.
#pragma once

#include "delegate/kernels/depthwise_rows.h"
#include "delegate/kernels/tile.h"

namespace tfsparse {
namespace {

// T adjacent vectors of output columns. The last one ends at the end of the row at the latest, so
// it may overlap the one before. With Edges, windows may extend beyond the row: in the first vector
// with the left half of the taps, in the last with the right half.
template <int K, int S, int T, bool Edges>
class DepthwiseTile {
 public:
  DepthwiseTile(const DepthwiseArgs& a, int column, int last_column)
      : a_(a),
        column_(column),
        last_column_(last_column),
        last_((last_column - column) * S - (T - 1) * kStep),
        lo_(Vec::broadcast(a.epilogue.lo)),
        hi_(Vec::broadcast(a.epilogue.hi)),
        clamps_(is_bounded(a.epilogue)) {
    const int left = column * S - a.pad_left, right = last_column * S - a.pad_left;
    TFSPARSE_UNROLL
    for (int i = 0; Edges && i < kEdges; ++i) {
      left_[i] = Vec::edge(-(left + i), a.in_w - (left + i));
      const int first = right + (S == 1 ? K / 2 + 1 + i : 2 * (i + 1) + Vec::kLanes);
      right_[i] = Vec::edge(-first, a.in_w - first);
      const int near = first - Vec::kLanes;
      if (S == 2 && kMayBeNarrow) near_[i] = Vec::edge(-near, a.in_w - near);
    }
  }

  // Computes all planes.
  void run() const {
    const Element* x = elements(a_.x) + column_ * S - a_.pad_left;
    Element* y = elements(a_.y) + column_;
    const Element* weights = elements(a_.weights);
    for (int plane = 0; plane < a_.planes; ++plane, weights += K * K) {
      Element bias[2 * Vec::kLanes];
      for (Element& copy : bias) copy = a_.bias[plane];
      run(x, y, Factors<Vec, K * K>(weights), bias);
      x += a_.x_stride;
      y += a_.y_stride;
    }
  }

 private:
  static constexpr int kStep = Vec::kLanes * S;  // between the inputs of adjacent vectors
  static constexpr int kRows = ceil_div(K, S);   // output rows that use one input row
  static constexpr int kEdges = K / 2;           // tap columns that reach over an edge
  static constexpr bool kMayBeNarrow = T == 1 && Edges && kWalksNarrow;

  using Weights = Factors<Vec, K * K>;
  // Sums of the next output rows. The index of the first one rotates as rows are finished.
  using Sums = Vec[kRows][T];

  TFSPARSE_INLINE void run(const Element* x, Element* y, Weights weights,
                           const Element* bias) const {
    Sums sums;
    TFSPARSE_UNROLL
    for (auto& row : sums) fill(row, bias);
    // Input rows before the first finished output row.
    TFSPARSE_UNROLL
    for (int ky = 0; ky < K - S; ++ky) {
      if (ky < a_.pad_top || ky - a_.pad_top >= a_.in_h) continue;
      add_row(x, &weights, ky, 0, kRows, sums);
      x = next_row(x, a_.in_w);
    }
    // In this loop all input rows exist: every window contains one.
    const int last_rows = smaller(a_.out_h, kRows - 1), first_of_last = a_.out_h - last_rows;
    int left = first_of_last;
    const auto finish_row = [&](auto first) TFSPARSE_INLINE_LAMBDA {
      TFSPARSE_UNROLL
      for (int ky = K - S; ky < K; ++ky, x = next_row(x, a_.in_w)) {
        add_row(x, &weights, ky, first, kRows, sums);
      }
      store(sums[first], y);
      y = next_row(y, a_.out_w);
      fill(sums[first], bias);
      if (--left > 0) return true;
      rotate(first + 1, sums);
      return false;
    };
    if (left > 0) {
      while (until_false<kRows>(finish_row)) {
      }
    }
    until_false<kRows - 1>([&](auto first) TFSPARSE_INLINE_LAMBDA {
      if (first == last_rows) return false;
      TFSPARSE_UNROLL
      for (int ky = K - S; ky < K; ++ky) {
        if ((first_of_last + first) * S + ky - a_.pad_top >= a_.in_h) continue;
        add_row(x, &weights, ky, first, kRows - 1 - first, sums);
        x = next_row(x, a_.in_w);
      }
      store<true>(sums[first], y);
      y = next_row(y, a_.out_w);
      return true;
    });
  }

  // Adds an input row, which is tap row ky of the first of the sums, to `count` sums.
  TFSPARSE_INLINE void add_row(const Element* x, Weights* weights, int ky, int first, int count,
                               Sums& sums) const {
    weights->stay_packed();
    TFSPARSE_UNROLL
    for (int kx = 0; kx < K; kx += S) {
      Vec in[S][T];
      // Four adjacent vectors from one address are two loads of two vectors.
      const bool by_twos = T == 4 && !Edges && S == 1 && kx > 0;
      const Element* first_input = by_twos ? opaque(x + kx) - kx : x;
      TFSPARSE_UNROLL
      for (int t = 0; t < T; ++t) load(first_input + offset_of(t, kStep, last_), kx, t, in);
      TFSPARSE_UNROLL
      for (int i = 0; i < S; ++i) {
        TFSPARSE_UNROLL
        for (int row = 0; row < kRows; ++row) {
          if (kx + i >= K || row >= count || row * S > ky) continue;
          TFSPARSE_UNROLL
          for (int t = 0; t < T; ++t) {
            Vec& sum = sums[(first + row) % kRows][t];
            sum = weights->fma_in_place(in[i][t], (ky - row * S) * K + kx + i, sum);
          }
        }
      }
    }
  }

  // Offset of vector t. Vectors are `step` apart; at an edge, the last is `last` further.
  static std::ptrdiff_t offset_of(int t, int step, std::ptrdiff_t last) {
    return t * step + (Edges && t == T - 1 ? last : 0);
  }

  // Loads the input of vector t at tap column kx and, with stride 2, the next one, in the order of
  // Vec::even.
  TFSPARSE_INLINE void load(const Element* x, int kx, int t, Vec (&in)[S][T]) const {
    const bool left = Edges && t == 0, right = Edges && t == T - 1;
    if constexpr (S == 1) {
      in[0][t] = left && kx < kEdges   ? Vec::load(x + kx, left_[kx])
                 : right && kx > K / 2 ? Vec::load(x + kx, right_[kx - K / 2 - 1])
                                       : Vec::load(x + kx);
    } else if ((left && kx == 0) || (right && kx > 0)) {
      const Element* next = x + kx + Vec::kLanes;
      const Vec a = left && kx == 0 ? Vec::load(x + kx, left_[0])
                    : kMayBeNarrow  ? Vec::load(x + kx, near_[kx / 2 - 1])
                                    : Vec::load(x + kx);
      const Vec b = right && kx > 0 ? Vec::load(next, right_[kx / 2 - 1]) : Vec::load(next);
      in[0][t] = Vec::even(a, b);
      in[1][t] = Vec::odd(a, b);
    } else {
      Vec::load_pairs(x + kx, &in[0][t], &in[1][t]);
    }
  }

  // Rows narrower than a vector are stored whole, as the next rows overwrite the excess. The last
  // rows have none behind them.
  template <bool LastRows = false>
  TFSPARSE_INLINE void store(Vec (&row)[T], Element* y) const {
    if constexpr (S == 2) {
      TFSPARSE_UNROLL
      for (Vec& v : row) v = Vec::in_order(v);
    }
    if (clamps_) {
      TFSPARSE_UNROLL
      for (Vec& v : row) v = clamp(v, lo_, hi_);
    }
    if constexpr (LastRows && kMayBeNarrow) {
      return row[0].store(y, smaller(a_.out_w, Vec::kLanes));
    }
    TFSPARSE_UNROLL
    for (int t = 0; t < T; ++t) {
      row[t].store(y + offset_of(t, Vec::kLanes, last_column_ - column_ - (T - 1) * Vec::kLanes));
    }
  }

  // Moves the sums at `first` to the front, as compilers would otherwise do in every iteration.
  static TFSPARSE_INLINE void rotate(int first, Sums& sums) {
    Sums rotated;
    TFSPARSE_UNROLL
    for (int row = 0; row < kRows; ++row) {
      TFSPARSE_UNROLL
      for (int t = 0; t < T; ++t) rotated[row][t] = moved(sums[(first + row) % kRows][t]);
    }
    TFSPARSE_UNROLL
    for (int row = 0; row < kRows; ++row) {
      TFSPARSE_UNROLL
      for (int t = 0; t < T; ++t) sums[row][t] = rotated[row][t];
    }
  }

  // Fills with the two vectors at `bias`: one load on arm64, which does not occupy the multiply
  // units as a register copy does.
  static TFSPARSE_INLINE void fill(Vec (&row)[T], const Element* bias) {
    TFSPARSE_UNROLL
    for (int t = 0; t < T; ++t) {
      if (t % 2 == 0) bias = opaque(bias);
      row[t] = Vec::load(bias + t % 2 * Vec::kLanes);
    }
  }

  const DepthwiseArgs a_;  // a copy, which stores to y cannot alias
  int column_, last_column_;
  std::ptrdiff_t last_;  // distance of the last vector's input from its regular position
  Vec lo_, hi_;
  bool clamps_;
  typename Vec::Edge left_[kEdges], right_[kEdges];
  // With stride 2, for the lower half of a vector that is wider than the row.
  typename Vec::Edge near_[kEdges];
};

template <int K, int S>
struct DepthwisePass {
  // Whose sums fit the registers. With 16 registers, weights are read from memory: faster, measured
  // on Zen 3, than one vector with all weights in registers.
  static constexpr int kMostVectors = K > 5 ? 1 : K > 3 || (S == 1 && kRegisters <= 16) ? 2 : 4;
  const DepthwiseArgs& args;

  template <int T, class>
  void run(int column, int) const {
    const DepthwiseArgs& a = args;
    const int last = larger(0, smaller(column + (T - 1) * Vec::kLanes, a.out_w - Vec::kLanes));
    const int first = T == 1 ? last : column;
    const int end = (last + Vec::kLanes - 1) * S - a.pad_left + K;
    // inner tiles are never narrow: see Passes
    if constexpr (2 * T > kMostVectors) {
      const bool side_by_side = last == first + (T - 1) * Vec::kLanes && a.out_w >= T * Vec::kLanes;
      const bool inside = side_by_side && first * S >= a.pad_left && end <= a.in_w;
      if (inside) return DepthwiseTile<K, S, T, false>(a, first, last).run();
    }
    DepthwiseTile<K, S, T, true>(a, first, last).run();
  }
};

template <int K, int S>
void depthwise_walk(const DepthwiseArgs& a) {
  using Pass = DepthwisePass<K, S>;
  run_passes<Pass::kMostVectors>(Pass{a}, a.out_w, Pass::kMostVectors);
}

// Whether windows reach beyond the edges no further than tiles allow.
inline bool can_walk(const DepthwiseArgs& a) {
  const int rows = kWalksNarrow ? ceil_div(a.kernel_h, a.stride_h) : 1;
  if (!kWalks || rows * a.out_w < Vec::kLanes) return false;
  const int kernel = a.kernel_w, stride = a.stride_w;
  // Whether tap columns [0, column] of the last output column are within the row.
  const auto within = [&](int column, int tap) {
    return column * stride - a.pad_left + tap < a.in_w;
  };
  const int others = (ceil_div(a.out_w, Vec::kLanes) - 1) * Vec::kLanes;
  const int second = smaller(Vec::kLanes, a.out_w - Vec::kLanes);
  return a.pad_left <= kernel / 2 && a.pad_top <= kernel - stride &&
         within(a.out_w - 1, stride == 1 ? kernel / 2 : 1) &&
         (others == 0 || (second * stride >= a.pad_left && within(others - 1, kernel - 1)));
}

}  // namespace
}  // namespace tfsparse
