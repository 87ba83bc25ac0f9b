// Average and maximum pooling of channel planes. Only pixels within the plane count.
#pragma once

#include "delegate/kernels/elementwise.h"
#include "delegate/kernels/pool_span.h"

namespace tfsparse {
namespace {

struct SumOf {
  using Vector = FloatVec;
  using Narrow = NarrowFloatVec;
  static constexpr float kNeutral = 0.0f;
  template <class V>
  static V combine(V total, V x) {
    return total + x;
  }
};

struct LargestOf {
  using Vector = Vec;
  using Narrow = NarrowVec;
  static constexpr float kNeutral = -__FLT_MAX__;  // as in TFLite
  template <class V>
  static V combine(V total, V x) {
    return V::max_number(x, total);  // skips NaN, as TFLite does
  }
};

// Combines the columns from `tap` on with a total. With stride 2 these are two taps.
template <class V, class Op, int S, class Rows>
TFSPARSE_INLINE V add_taps(V total, int tap, int window, const Rows& combined_rows) {
  const V low = combined_rows(tap);
  if (S == 1) return Op::combine(total, low);
  const V high = combined_rows(tap + V::kLanes);
  total = Op::combine(total, V::even(low, high));
  return tap + 1 < window ? Op::combine(total, V::odd(low, high)) : total;
}

// Pools a vector of output columns over `rows` rows and any window width. x is at column `origin`.
// Shared by all window sizes for the upper and lower edge. With stride 2 in the order of V::even.
template <class V, class Op, int S>
__attribute__((noinline)) V pool_any(const PoolArgs& a, const Element* x, int rows, int origin) {
  const V neutral = V::broadcast(Op::kNeutral);
  V total = neutral;
  // Skips taps outside for all lanes, an even number of them on the left.
  const int first = larger(0, -(origin + (V::kLanes - 1) * S)) / S * S;
  const int last = smaller(a.window_w, a.in_w - origin);
  for (int tap = first; tap < last; tap += S) {
    total = add_taps<V, Op, S>(total, tap, a.window_w, [&](int column) {
      const auto mask = V::window(-(origin + column), a.in_w - (origin + column));
      V v = neutral;
      const Element* from = x + column;
      for (int row = 0; row < rows; ++row, from += a.in_w) {
        v = Op::combine(v, V::load(from, mask, neutral));
      }
      return v;
    });
  }
  return total;
}

// Pools a vector of output columns with stride S, 1 or 2. Combines rows first, while adjacent
// pixels are adjacent lanes. K is the size of a square window with unrolled loops and stored masks,
// or 0 for any window.
template <class V, class Op, int S, int K>
class PoolVector {
 public:
  PoolVector(const PoolArgs& a, int column) : a_(a), origin_(column * S - a.pad_left) {
    inside_ = origin_ >= 0 && origin_ + a.window_w - 1 + S * V::kLanes <= a.in_w;
    for (int tap = 0; tap < K; tap += S) {
      masks_[tap] = lanes_from(origin_ + tap);
      if (S == 2) masks_[tap + 1] = lanes_from(origin_ + tap + V::kLanes);
    }
  }

  TFSPARSE_INLINE V combine(const Element* x, PoolSpan rows) const {
    const V total = combine_taps(x, rows);
    return S == 2 ? V::in_order(total) : total;
  }

 private:
  auto lanes_from(int column) const { return V::window(-column, a_.in_w - column); }

  // With stride 2 in the order of V::even.
  TFSPARSE_INLINE V combine_taps(const Element* x, PoolSpan rows) const {
    x += static_cast<std::ptrdiff_t>(rows.begin) * a_.in_w + origin_;
    if (K == 0 || rows.count() < K) return pool_any<V, Op, S>(a_, x, rows.count(), origin_);
    if (inside_) return combine_square<true>(x);
    // Slow masks would cost as much as they save.
    if constexpr (V::kFreeMasks) return combine_square<false>(x);
    return pool_any<V, Op, S>(a_, x, rows.count(), origin_);
  }

  template <bool kInside>
  TFSPARSE_INLINE V combine_square(const Element* x) const {
    const V neutral = V::broadcast(Op::kNeutral);
    V total = neutral;
    TFSPARSE_UNROLL
    for (int tap = 0; tap < K; tap += S) {
      total = add_taps<V, Op, S>(total, tap, K, [&](int column) {
        const auto mask = masks_[column == tap ? tap : tap + 1];
        V v = neutral;
        TFSPARSE_UNROLL
        for (int row = 0; row < K; ++row) {
          const Element* from = x + static_cast<std::ptrdiff_t>(row) * a_.in_w + column;
          v = Op::combine(v, kInside ? V::load(from) : V::load(from, mask, neutral));
        }
        return v;
      });
    }
    return total;
  }

  const PoolArgs a_;  // a copy, which stores to y cannot alias
  int origin_;
  bool inside_;
  typename V::Mask masks_[K + 2];
};

// The number of columns of each lane's window within the plane.
template <class V>
V columns_inside(const PoolArgs& a, int column) {
  Element counts[V::kLanes];
  for (int lane = 0; lane < V::kLanes; ++lane) {
    counts[lane] = static_cast<Element>(pool_columns(a, column + lane).count());
  }
  return V::load(counts);
}

template <class V, class Op, int S, int K>
void pool_vector(const PoolArgs& a, int column, int lanes) {
  const PoolVector<V, Op, S, K> vector(a, column);
  const V lo = V::broadcast(a.epilogue.lo), hi = V::broadcast(a.epilogue.hi);
  const V columns = columns_inside<V>(a, column);
  for (int row = 0; row < a.out_h; ++row) {
    const PoolSpan rows = pool_rows(a, row);
    V v = vector.combine(elements(a.x), rows);
    if (a.op == Pooling::kAverage) v = v / (columns * V::broadcast(rows.count()));
    Element* y = elements(a.y) + static_cast<std::ptrdiff_t>(row) * a.out_w + column;
    clamp(v, lo, hi).store(y, lanes);
  }
}

template <class Op, int S, int K>
void pool_by_vectors(const PoolArgs& a) {
  for (int column = 0; column < a.out_w;) {
    const int left = a.out_w - column;
    if (left > Op::Narrow::kLanes) {
      pool_vector<typename Op::Vector, Op, S, K>(a, column, smaller(Op::Vector::kLanes, left));
      column += Op::Vector::kLanes;
    } else {
      pool_vector<typename Op::Narrow, Op, S, K>(a, column, left);
      column += Op::Narrow::kLanes;
    }
  }
}

// The maximum of n numbers.
inline float largest(const Element* x, std::size_t n) {
  Vec total = Vec::broadcast(LargestOf::kNeutral);
  for (std::size_t i = 0; i < n; i += Vec::kLanes) {
    const std::size_t left = n - i;
    const int lanes = left < Vec::kLanes ? static_cast<int>(left) : Vec::kLanes;
    const Vec rest = Vec::broadcast(LargestOf::kNeutral);
    total = LargestOf::combine(total, Vec::load(x + i, Vec::window(0, lanes), rest));
  }
  return total.largest();
}

// For any stride: pixel by pixel.
inline float pool_pixel(const PoolArgs& a, PoolSpan rows, PoolSpan columns) {
  const bool whole_rows = columns.count() == a.in_w;
  const int runs = whole_rows ? 1 : rows.count();
  const std::size_t run = static_cast<std::size_t>(whole_rows ? rows.count() : 1) * columns.count();
  const Element* x =
      elements(a.x) + static_cast<std::ptrdiff_t>(rows.begin) * a.in_w + columns.begin;
  const bool average = a.op == Pooling::kAverage;
  float total = average ? SumOf::kNeutral : LargestOf::kNeutral;
  for (int i = 0; i < runs; ++i, x += a.in_w) {
    const float v = average ? sum(x, run) : largest(x, run);
    total = average ? total + v : v > total ? v : total;
  }
  return average ? total / (static_cast<float>(rows.count()) * columns.count()) : total;
}

inline void pool_by_pixels(const PoolArgs& a) {
  Element* y = elements(a.y);
  for (int row = 0; row < a.out_h; ++row) {
    for (int column = 0; column < a.out_w; ++column) {
      const float v = pool_pixel(a, pool_rows(a, row), pool_columns(a, column));
      const float above = v < a.epilogue.lo ? a.epilogue.lo : v;
      *y++ = above > a.epilogue.hi ? a.epilogue.hi : above;
    }
  }
}

template <class Op>
void pool_plane(const PoolArgs& a) {
  const bool single = a.out_h == 1 && a.out_w == 1;  // pooling of whole planes
  if (single || a.stride_w > 2) return pool_by_pixels(a);
  switch (a.window_h == a.window_w ? a.window_w : 0) {
    case 2:
      return a.stride_w == 1 ? pool_by_vectors<Op, 1, 2>(a) : pool_by_vectors<Op, 2, 2>(a);
    case 3:
      return a.stride_w == 1 ? pool_by_vectors<Op, 1, 3>(a) : pool_by_vectors<Op, 2, 3>(a);
    default:
      return a.stride_w == 1 ? pool_by_vectors<Op, 1, 0>(a) : pool_by_vectors<Op, 2, 0>(a);
  }
}

void pool(const PoolArgs& args) {
  PoolArgs a = args;
  if (a.out_h <= 0 || a.out_w <= 0) return;
  for (int plane = 0; plane < a.planes; ++plane) {
    a.op == Pooling::kAverage ? pool_plane<SumOf>(a) : pool_plane<LargestOf>(a);
    a.x = elements(a.x) + a.x_stride;
    a.y = elements(a.y) + a.y_stride;
  }
}

}  // namespace
}  // namespace tfsparse
