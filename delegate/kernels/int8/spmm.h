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

struct SpmmPass {
  const SpmmArgs& args;

  // Never inlined, which would leave fewer registers; benchmarks/mca.py looks for it, too.
  template <int T>
  __attribute__((noinline)) void run(int first, int last_lanes) const {
    const SpmmArgs a = args;  // a copy, which stores to y cannot alias
    const Finish finish(a.output);
    const AddVectors add(a.add);
    WeightStream stream{a.x + first * kQuad, a.weights, a.offsets};
    std::int32_t scaled[kQuad][T * Quads::kLanes];
    for (int quad = 0; quad < a.quads; ++quad) {
      TFSPARSE_NO_UNROLL
      for (int c = 0; c < kQuad; ++c) {
        const int channel = quad * kQuad + c;
        Tile<T> tile;
        tile.fill(a.bias + channel * kBiasCopies);
        stream.add(tile, a.counts[channel]);
        tile.store(scaled[c], Factor::broadcast(a.multipliers[channel]));
      }
      const std::size_t at = quad * a.y_stride + first * kQuad;
      TFSPARSE_UNROLL
      for (int t = 0; t < T; ++t) {
        const auto row = [&](int c) { return Ints::load(scaled[c] + t * Quads::kLanes); };
        Quads codes = finish.codes(row(0), row(1), row(2), row(3)).transposed();
        const std::size_t begin = at + t * kVectorBytes;
        const int lanes = t == T - 1 ? last_lanes : Quads::kLanes;
        if (a.residual) codes = add.of(codes, Quads::load(a.residual + begin, lanes));
        codes.store(a.y + begin, lanes);
      }
    }
  }
};

void spmm(const SpmmArgs& a) { run_passes(SpmmPass{a}, a.n, a.tile); }

}  // namespace
}  // namespace int8
}  // namespace tfsparse
