// A tile: consecutive pixels of one output row in registers.
#pragma once

#include "delegate/kernels/epilogue.h"

namespace tfsparse {
namespace {

// T vectors, of which the last may be narrow: 49 pixels are 3 x 16 + 1, and a whole vector for the
// last pixel would cost as much as the others.
template <int T, class Last>
struct Tile {
  static constexpr int kWhole = T - 1;
  static constexpr int kLast = kWhole * Vec::kLanes;  // where the last vector begins
  static constexpr int kLate = 2;                     // vectors, see load_late()
  Vec whole[kWhole > 0 ? kWhole : 1];
  Last last;

  TFSPARSE_INLINE void load(const Element* p) {
    TFSPARSE_UNROLL
    for (int t = 0; t < T; ++t) load(p, t);
  }
  // Loads vector t only.
  TFSPARSE_INLINE void load(const Element* p, int t) {
    if (t < kWhole) {
      whole[t] = Vec::load(p + t * Vec::kLanes);
    } else {
      last = Last::load(p + kLast);
    }
  }
  TFSPARSE_INLINE void fill(float x) {
    TFSPARSE_UNROLL
    for (int t = 0; t < kWhole; ++t) whole[t] = Vec::broadcast(x);
    last = Last::broadcast(x);
  }
  // Fills with one number. p holds it `Copies` times: once, or for at least two vectors.
  template <int Copies>
  TFSPARSE_INLINE void fill(const Element* p) {
    if constexpr (Copies == 1) return fill(*p);
    TFSPARSE_UNROLL
    for (int t = 0; t < kWhole; ++t) {
      if (t % 2 == 0) p = opaque(p);
      whole[t] = Vec::load(p + t % 2 * Vec::kLanes);
    }
    last = Last::load(p + kWhole % 2 * Vec::kLanes);
  }
  TFSPARSE_INLINE void add(const Element* p) {
    TFSPARSE_UNROLL
    for (int t = 0; t + 1 < kWhole; t += 2) {  // one load of two on arm64
      Vec a = Vec::load(p + t * Vec::kLanes), b = Vec::load(p + (t + 1) * Vec::kLanes);
      keep_both(a, b);
      whole[t] = whole[t] + a;
      whole[t + 1] = whole[t + 1] + b;
    }
    if constexpr (kWhole % 2 > 0) {
      whole[T - 2] = whole[T - 2] + Vec::load(p + (T - 2) * Vec::kLanes);
    }
    last = last + Last::load(p + kLast);
  }
  TFSPARSE_INLINE void add(const Tile& other) {
    TFSPARSE_UNROLL
    for (int t = 0; t < kWhole; ++t) whole[t] = whole[t] + other.whole[t];
    last = last + other.last;
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
  // sums[c] += factor (first + c) * this for `count` tiles. Then loads next[...], except for the
  // last vectors, which load_late() loads just before their use.
  template <class Numbers>
  TFSPARSE_INLINE void add_scaled_to_all(Tile* sums, int count, const Numbers& factors, int first,
                                         const Element* next) {
    constexpr int kPair = 2;  // vectors per load
    TFSPARSE_UNROLL
    for (int pair = 0; pair < T; pair += kPair) {
      const int end = smaller(T, pair + kPair);
      TFSPARSE_UNROLL
      for (int t = pair; t < end; ++t) {
        TFSPARSE_UNROLL
        for (int c = 0; c < count; ++c) {
          if (t < kWhole) {
            sums[c].whole[t] = factors.fma_in_place(whole[t], first + c, sums[c].whole[t]);
          } else {
            sums[c].last = factors.fma_in_place(last, first + c, sums[c].last);
          }
        }
      }
      keep_order();
      TFSPARSE_UNROLL
      for (int t = pair; t < end; ++t) {
        if (t < T - kLate) load(next, t);
      }
      keep_order();
    }
  }
  TFSPARSE_INLINE void load_early(const Element* p) {
    TFSPARSE_UNROLL
    for (int t = 0; t < T - kLate; ++t) load(p, t);
  }
  TFSPARSE_INLINE void load_late(const Element* p) {
    keep_order();
    TFSPARSE_UNROLL
    for (int t = larger(0, T - kLate); t < T; ++t) load(p, t);
    keep_order();
  }
  // The order of operations and operands keeps NaN.
  TFSPARSE_INLINE void at_least(Vec low) {
    TFSPARSE_UNROLL
    for (int t = 0; t < kWhole; ++t) whole[t] = Vec::max(low, whole[t]);
    last = Last::max(Last::first_of(low), last);
  }
  TFSPARSE_INLINE void at_most(Vec high) {
    TFSPARSE_UNROLL
    for (int t = 0; t < kWhole; ++t) whole[t] = Vec::min(high, whole[t]);
    last = Last::min(Last::first_of(high), last);
  }
  // Stores only `lanes` lanes of the last vector.
  TFSPARSE_INLINE void store(Element* p, int lanes) const {
    TFSPARSE_UNROLL
    for (int t = 0; t < kWhole; ++t) whole[t].store(p + t * Vec::kLanes);
    last.store(p + kLast, lanes);
  }
};

// Splits a run of n pixels into passes of at most `tile` vectors, as equal as possible, since every
// pass reads all weights: seven vectors with tiles of four are 4 + 3, not 4 + 1 + 1 + 1.
struct Passes {
  int n, vectors, count;

  Passes(int pixels, int tile)
      : n(pixels), vectors(ceil_div(n, Vec::kLanes)), count(ceil_div(vectors, tile)) {}
  // The first vector of pass i.
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

// In bytes: arm64 then multiplies and adds in one instruction.
template <class T>
T* bytes_on(T* p, std::size_t bytes) {
  using Byte = std::conditional_t<std::is_const_v<T>, const char, char>;
  return reinterpret_cast<T*>(reinterpret_cast<Byte*>(p) + bytes);
}

// Applies the epilogue to tiles and stores them. Looks up its parameters once for all rows. Clamps
// are done in registers. Activations are many instructions, so tiles of all sizes share one
// function.
class Finish {
 public:
  Finish(const Epilogue& epilogue, void* y, const void* residual, int first)
      : epilogue_(epilogue),
        y_(opaque(elements(y) + first)),
        residual_(residual ? elements(residual) + first : nullptr),
        activates_(epilogue.activation != Activation::kNone),
        adds_or_activates_(activates_ || residual),
        clamps_(is_clamped(epilogue) && !(residual && epilogue.residual_first)),
        clamps_last_(is_clamped(epilogue) && !clamps_),
        has_upper_bound_(opaque(static_cast<int>(epilogue.hi != Epilogue().hi))) {
    load_bounds();
  }

  // Reloads the bounds, so that they need no registers earlier.
  TFSPARSE_INLINE void load_bounds() {
    const Epilogue* epilogue = opaque(&epilogue_);
    lo_ = Vec::broadcast(epilogue->lo);
    hi_ = Vec::broadcast(epilogue->hi);
  }

  // The row at `at` bytes from y.
  TFSPARSE_INLINE Element* row(std::size_t at) const { return bytes_on(y_, at); }

  // Stores to that row.
  template <class AnyTile>
  TFSPARSE_INLINE void store(AnyTile& tile, std::size_t at, int last_lanes) const {
    Element* y = opaque(row(at));
    if (clamps_) clamp(tile);
    if (adds_or_activates_) {
      if (activates_) {
        tile.store(y, last_lanes);
        return activate(y, at, AnyTile::kLast + last_lanes);
      }
      tile.add(bytes_on(residual_, at));
      if (clamps_last_) clamp(tile);
    }
    tile.store(y, last_lanes);
  }

 private:
  void activate(Element* y, std::size_t at, int n) const {
    finish_run(epilogue_, y, residual_ ? bytes_on(residual_, at) : nullptr, n);
  }

  template <int T, class Last>
  TFSPARSE_INLINE void clamp(Tile<T, Last>& tile) const {
    tile.at_least(lo_);
    if (has_upper_bound_) tile.at_most(hi_);  // ReLU has none
  }

  // An activation includes its clamp.
  static bool is_clamped(const Epilogue& e) {
    return e.activation == Activation::kNone && is_bounded(e);
  }

  const Epilogue& epilogue_;
  Element* const y_;
  const Element* const residual_;  // or null
  const bool activates_, adds_or_activates_, clamps_, clamps_last_;
  const int has_upper_bound_;  // opaque, to avoid a comparison per use
  Vec lo_, hi_;
};

}  // namespace
}  // namespace tfsparse
