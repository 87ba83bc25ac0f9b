// A tile: the sums of consecutive pixels of one output channel, held in registers.
#pragma once

#include "delegate/kernels/int8/add.h"

namespace tfsparse {
namespace int8 {
namespace {

// Vectors that one instruction loads: runs are cut into whole groups of them.
#if defined(TFSPARSE_NEON)
constexpr int kGroup = 4;
constexpr int kMaxTile = 20 / Sum::kRegisters;
#elif defined(__AVX512VNNI__)
constexpr int kGroup = 1;
constexpr int kMaxTile = 16;
#elif defined(__AVX2__)
constexpr int kGroup = 1;
constexpr int kMaxTile = 12;
#elif defined(__wasm_simd128__)
constexpr int kGroup = 1;
constexpr int kMaxTile = Sum::kRegisters == 1 ? 10 : 5;  // in the registers of x86-64
#else
constexpr int kGroup = 1;
constexpr int kMaxTile = 4;  // no more sums find registers
#endif

template <int T>
struct Tile {
  Sum sums[T];

  // With one number, which p has kBiasCopies times.
  TFSPARSE_INLINE void fill(const std::int32_t* p) {
#if defined(TFSPARSE_NEON)
    TFSPARSE_UNROLL
    for (int t = 0; t < T; ++t) {
      if (t % kGroup == 0) p = opaque(p);  // one load for four vectors, and not a move for each
      sums[t] = Sum::of(Ints::load(p + t % kGroup * Quads::kLanes));
    }
#else
    TFSPARSE_UNROLL
    for (Sum& sum : sums) sum = Sum::of(Ints::broadcast(*p));
#endif
  }

  // += the dot products of the quads at p and quad Lane of w
  template <int Lane>
  TFSPARSE_INLINE void add(const std::int8_t* p, const Weights& w) {
#if defined(TFSPARSE_NEON)
    constexpr int kGroups = T / kGroup, kFirstRegisters = 4;
    Quads x[2][kGroup];
    const auto load = [&](auto group) TFSPARSE_INLINE_LAMBDA {
      Quads* to = x[group % 2];
      Quads::Groups::load<kFirstRegisters + group % 2, kGroup, true>(p, to[0], to[1], to[2], to[3]);
    };
    if constexpr (kGroups > 0) load(std::integral_constant<int, 0>());
    for_constants<kGroups>([&](auto group) TFSPARSE_INLINE_LAMBDA {
      if constexpr (group + 1 < kGroups) load(std::integral_constant<int, group + 1>());
      TFSPARSE_UNROLL
      for (int i = 0; i < kGroup; ++i) {
        sums[group * kGroup + i].template add<Lane>(x[group % 2][i], w);
      }
    });
    TFSPARSE_UNROLL
    for (int t = kGroups * kGroup; t < T; ++t) {
      sums[t].template add<Lane>(Quads::load(p + (t % kGroup) * kVectorBytes), w);
    }
#else
    TFSPARSE_UNROLL
    for (int t = 0; t < T; ++t) sums[t].template add<Lane>(Quads::load(p + t * kVectorBytes), w);
#endif
  }

  // As codes of one channel, to `row`: four vectors at once, see Finish::codes().
  TFSPARSE_INLINE void store(std::int8_t* row, SumFactor factor, const Finish& finish) const {
    finish.choose_narrow([&](auto how) TFSPARSE_INLINE_LAMBDA { store<how>(row, factor, finish); });
  }

 private:
  template <Narrow How>
  TFSPARSE_INLINE void store(std::int8_t* row, SumFactor factor, const Finish& finish) const {
    TFSPARSE_UNROLL
    for (int t = 0; t < T; t += 4) {
      const auto scaled = [&](int i) { return factor.scale(sums[smaller(t + i, T - 1)].total()); };
      finish.codes<How>(scaled(0), scaled(1), scaled(2), scaled(3))
          .store(row + t / 4 * kVectorBytes);
    }
  }
};

// A run of n pixels cut into passes of at most `tile` vectors, as equal as whole groups can be.
struct Passes {
  int vectors, groups, count;

  Passes(int n, int tile)
      : vectors(ceil_div(n, Quads::kLanes)),
        groups(ceil_div(vectors, kGroup)),
        count(ceil_div(groups, larger(1, tile / kGroup))) {}
  // Where pass i begins, in vectors.
  int begin(int i) const {
    return smaller(vectors, static_cast<int>(std::int64_t{groups} * i / count) * kGroup);
  }
};

// Calls pass.template run<T>(first pixel, lanes of the last vector) for each pass.
template <int T, class Pass>
void run_pass(const Pass& pass, int vectors, int first, int last_lanes) {
  if (vectors < T) {
    if constexpr (T > 1) run_pass<T - 1>(pass, vectors, first, last_lanes);
  } else {
    pass.template run<T>(first, last_lanes);
  }
}

template <class Pass>
void run_passes(const Pass& pass, int n, int tile) {
  if (n <= 0) return;
  const Passes passes(n, larger(1, smaller(tile, kMaxTile)));
  for (int i = 0; i < passes.count; ++i) {
    const int begin = passes.begin(i), end = passes.begin(i + 1);
    const int last_lanes = smaller(Quads::kLanes, n - (end - 1) * Quads::kLanes);
    run_pass<kMaxTile>(pass, end - begin, begin * Quads::kLanes, last_lanes);
  }
}

}  // namespace
}  // namespace int8
}  // namespace tfsparse
