// Sparse weights times quad planes. The nonzero quads are the inner loop: a tile of pixels of one
// output channel stays in registers while the channel's quads stream by. Four channels later their
// scaled sums become quads of codes.
#pragma once

#include "delegate/kernels/int8/add.h"
#include "delegate/kernels/int8/tile.h"

namespace tfsparse {
namespace int8 {
namespace {

// Of each bias: an instruction of arm64 loads as many, and fills a tile with them.
constexpr int kBiasCopies = kGroup > 1 ? kGroup* Quads::kLanes : 1;

// Bytes of input that one pass over the weights may touch and still find in the first-level cache.
constexpr int kTileBytes = 30 << 10;

// The quads of weights as they stream by.
struct WeightStream {
  const std::int8_t* x;
  const std::int8_t* weights;
  const std::int32_t* offsets;

  // Adds the next `count` of them to a tile.
  template <int T>
  TFSPARSE_INLINE void add(Tile<T>& tile, int count) {
    constexpr int kCount = Weights::kCount;
    int left = count;
    TFSPARSE_NO_UNROLL
    for (; left >= kCount; left -= kCount) {
      const Weights w(weights);
      for_constants<kCount>(
          [&](auto lane) TFSPARSE_INLINE_LAMBDA { tile.template add<lane>(x + offsets[lane], w); });
      weights += kCount * kQuad;
      offsets += kCount;
    }
    if constexpr (kCount > 1) {
      const Weights w(weights);
      until_false<kCount - 1>([&](auto lane) TFSPARSE_INLINE_LAMBDA {
        if (lane >= left) return false;
        tile.template add<lane>(x + offsets[lane], w);
        return true;
      });
      weights += left * kQuad;
      offsets += left;
    }
  }
};

// Rows of codes of four channels become quads.
template <int T, class Rows>
TFSPARSE_INLINE void store_quads(const Rows& rows, int last_lanes, const std::int8_t* residual,
                                 const AddVectors& add, std::int8_t* y) {
  TFSPARSE_UNROLL
  for (int t = 0; t < T; t += 4) {
    const auto row = [&](int c) { return Quads::load(rows[c] + t / 4 * kVectorBytes); };
    const Quads r0 = row(0), r1 = row(1), r2 = row(2), r3 = row(3);
    const std::size_t at = t * kVectorBytes;
    if (t + 4 < T && !residual) {
      store_zipped(r0, r1, r2, r3, y + at);
      continue;
    }
    Quads codes[4];
    zip<4>(r0, r1, r2, r3, codes);
    TFSPARSE_UNROLL
    for (int i = 0; i < 4; ++i) {
      if (t + i >= T) continue;
      const std::size_t begin = at + i * kVectorBytes;
      const int lanes = t + i == T - 1 ? last_lanes : Quads::kLanes;
      if (residual) codes[i] = add.of(codes[i], Quads::load(residual + begin, lanes));
      codes[i].store(y + begin, lanes);
    }
  }
}

struct SpmmPass {
  const SpmmArgs& args;

  // Never inlined, which would leave fewer registers.
  template <int T>
  __attribute__((noinline)) void run(int first, int last_lanes) const {
    const SpmmArgs a = args;  // a copy, which stores to y cannot alias
    const Finish finish(a.output, a.short_sums);
    const AddVectors add(a.add);
    WeightStream stream{a.x + first * kQuad, a.weights, a.offsets};
    std::int8_t rows[kQuad][ceil_div(T, 4) * kVectorBytes];
    for (int quad = 0; quad < a.quads; ++quad) {
      TFSPARSE_NO_UNROLL
      for (int c = 0; c < kQuad; ++c) {
        const int channel = quad * kQuad + c;
        Tile<T> tile;
        tile.fill(a.bias + channel * kBiasCopies);
        stream.add(tile, a.counts[channel]);
        tile.store(rows[c], SumFactor::broadcast(a.multipliers[channel]), finish);
      }
      const std::size_t at = quad * a.y_stride + first * kQuad;
      const std::int8_t* residual = a.residual ? a.residual + at : nullptr;
      store_quads<T>(rows, last_lanes, residual, add, a.y + at);
    }
  }
};

void spmm(const SpmmArgs& a) { run_passes(SpmmPass{a}, a.n, a.tile); }

}  // namespace
}  // namespace int8
}  // namespace tfsparse
