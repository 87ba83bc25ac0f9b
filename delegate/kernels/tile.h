// A tile: consecutive pixels of one output row, held in registers.
#pragma once

#include "delegate/kernels/simd.h"

namespace tfsparse {
namespace {

// T vectors, the last of which may be a narrow one: 49 pixels are 3 x 16 + 1, and a fourth whole
// vector for the one would cost as much as the others.
template <int T, class Last>
struct Tile {
  static constexpr int kWhole = T - 1;
  static constexpr int kLast = kWhole * Vec::kLanes;  // where the last vector begins
  Vec whole[kWhole > 0 ? kWhole : 1];
  Last last;

  TFSPARSE_INLINE void load(const Element* p) {
    TFSPARSE_UNROLL
    for (int t = 0; t < kWhole; ++t) whole[t] = Vec::load(p + t * Vec::kLanes);
    last = Last::load(p + kLast);
  }
  TFSPARSE_INLINE void fill(float x) {
    TFSPARSE_UNROLL
    for (int t = 0; t < kWhole; ++t) whole[t] = Vec::broadcast(x);
    last = Last::broadcast(x);
  }
  TFSPARSE_INLINE void add(const Element* p) {
    TFSPARSE_UNROLL
    for (int t = 0; t < kWhole; ++t) whole[t] = whole[t] + Vec::load(p + t * Vec::kLanes);
    last = last + Last::load(p + kLast);
  }
  // += w * p[...]
  TFSPARSE_INLINE void add_scaled(Vec w, const Element* p) {
    TFSPARSE_UNROLL
    for (int t = 0; t < kWhole; ++t) {
      whole[t] = Vec::fma(w, Vec::load(p + t * Vec::kLanes), whole[t]);
    }
    last = Last::fma(Last::first_of(w), Last::load(p + kLast), last);
  }
  // += w * other
  TFSPARSE_INLINE void add_scaled(Vec w, const Tile& other) {
    TFSPARSE_UNROLL
    for (int t = 0; t < kWhole; ++t) whole[t] = Vec::fma(w, other.whole[t], whole[t]);
    last = Last::fma(Last::first_of(w), other.last, last);
  }
  // += factor i * other
  template <class Numbers>
  TFSPARSE_INLINE void add_scaled(const Numbers& factors, int i, const Tile& other) {
    TFSPARSE_UNROLL
    for (int t = 0; t < kWhole; ++t) whole[t] = factors.fma(other.whole[t], i, whole[t]);
    last = factors.fma(other.last, i, last);
  }
  // sums[c] += factor first + c * this for `count` tiles; then this is next[...].
  template <class Numbers>
  TFSPARSE_INLINE void add_scaled_to(Tile* sums, const Numbers& factors, int first, int count,
                                     const Element* next) {
    TFSPARSE_UNROLL
    for (int t = 0; t < kWhole; ++t) {
      TFSPARSE_UNROLL
      for (int c = 0; c < count; ++c) {
        sums[c].whole[t] = factors.fma(whole[t], first + c, sums[c].whole[t]);
      }
      whole[t] = Vec::load(next + t * Vec::kLanes);
    }
    TFSPARSE_UNROLL
    for (int c = 0; c < count; ++c) sums[c].last = factors.fma(last, first + c, sums[c].last);
    last = Last::load(next + kLast);
  }
  TFSPARSE_INLINE void clamp(float lo, float hi) {
    const Vec low = Vec::broadcast(lo), high = Vec::broadcast(hi);
    TFSPARSE_UNROLL
    for (int t = 0; t < kWhole; ++t) whole[t] = tfsparse::clamp(whole[t], low, high);
    last = tfsparse::clamp(last, Last::first_of(low), Last::first_of(high));
  }
  // Of the last vector only `lanes` lanes.
  TFSPARSE_INLINE void store(Element* p, int lanes) const {
    TFSPARSE_UNROLL
    for (int t = 0; t < kWhole; ++t) whole[t].store(p + t * Vec::kLanes);
    last.store(p + kLast, lanes);
  }
};

// A run of n pixels cut into passes of at most `tile` vectors, as equal as can be: seven vectors by
// a tile of four are 4 + 3 and not 4 + 1 + 1 + 1, as every pass reads all the weights.
struct Passes {
  int n, vectors, count;

  Passes(int pixels, int tile)
      : n(pixels), vectors(ceil_div(n, Vec::kLanes)), count(ceil_div(vectors, tile)) {}
  // Where pass i begins, in vectors.
  int begin(int i) const {
    return static_cast<int>(static_cast<std::int64_t>(vectors) * i / count);
  }
};

// Calls pass.template run<T, Last>(first pixel, lanes of the last vector) for each pass.
template <int T, class Pass>
void run_pass(const Pass& pass, int size, int first, int last_lanes) {
  if (size < T) {
    if constexpr (T > 1) run_pass<T - 1>(pass, size, first, last_lanes);
  } else if (last_lanes <= NarrowVec::kLanes) {
    pass.template run<T, NarrowVec>(first, last_lanes);
  } else {
    pass.template run<T, Vec>(first, last_lanes);
  }
}

template <int MaxTile, class Pass>
void run_passes(const Pass& pass, int n, int tile) {
  if (n <= 0) return;
  const Passes passes(n, larger(1, smaller(tile, MaxTile)));
  for (int i = 0; i < passes.count; ++i) {
    const int begin = passes.begin(i), end = passes.begin(i + 1);
    const int last_lanes = smaller(Vec::kLanes, n - (end - 1) * Vec::kLanes);
    run_pass<MaxTile>(pass, end - begin, begin * Vec::kLanes, last_lanes);
  }
}

// Finishes a row of a tile, unless there is more to add to it, and stores it. A clamp is done in
// registers; an activation, long in instructions, in one function for tiles of all sizes.
template <int T, class Last>
TFSPARSE_INLINE void finish_and_store(Tile<T, Last>& tile, Element* y, const Element* residual,
                                      int last_lanes, const Epilogue& epilogue,
                                      bool finish = true) {
  const bool in_registers = epilogue.activation == Activation::kNone;
  if (finish && in_registers) {
    if (residual && epilogue.residual_first) tile.add(residual);
    tile.clamp(epilogue.lo, epilogue.hi);
    if (residual && !epilogue.residual_first) tile.add(residual);
  }
  tile.store(y, last_lanes);
  if (finish && !in_registers) finish_run(epilogue, y, residual, Tile<T, Last>::kLast + last_lanes);
}

}  // namespace
}  // namespace tfsparse
