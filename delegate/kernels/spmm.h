// Sparse weights times channel planes. A tile of pixels of one block of output channels stays in
// registers during the inner loop over the block's nonzeros.
#pragma once

#include "delegate/kernels/spmm_taps.h"

namespace tfsparse {
namespace {

// 16-bit offsets halve what is read besides the weights. arm64, which multiplies registers only,
// loads four 32-bit offsets per instruction instead.
constexpr bool kNarrowOffsets = !kPipelined;

// Four vectors of each bias: arm64 loads them with one instruction to fill a tile.
constexpr int kBiasCopies = kPipelined ? 4 * Vec::kLanes : 1;

// Tiles of `block` output channels must fit the registers beside a tile of input and a weight. For
// single channels with memory operands, more than 9 vectors were never faster.
constexpr int max_tile(int block) {
  const int fitting = (kRegisters - 1) / (block + 1);
  if (kPipelined) return smaller(14, fitting);
  return smaller(9, block == 1 ? kRegisters - 4 : fitting);
}

// The fastest tile for long runs. Measured over MobileNetV2's layers with AVX: 7 to 9 vectors are
// best for single channels. Smaller tiles read the weights more often, larger ones leave too few
// channels in the cache.
constexpr int usual_tile(int block) {
  return kPipelined ? max_tile(block) : smaller(max_tile(block), block == 4 ? 6 : 8);
}

// Input bytes that one pass over the weights may read from the L1 cache. Measured with 32 KB: 24 to
// 36 KB are equal, 16 KB and no limit are slower. Arm's larger cores have 64 KB; the others wait
// less for L2 as their loads are pipelined.
constexpr int kTileBytes = (kPipelined ? 60 : 30) << 10;

// The same for dense weights, whose tiles of three vectors begin within cache lines. Measured with
// AVX2: 16 KB is up to 7 % faster than 30 KB or no limit. Vectors of 16 floats fill whole lines,
// and a block reads an input only once for four channels, so the L2 cache is fast enough.
constexpr int kDenseTileBytes = Vec::kLanes == 8 && !kPipelined ? 16 << 10 : 0;

// Inputs of sparse weights of up to so many bytes are not split for the L1 cache: loading and
// storing sums twice costs more. Measured on a ViT's layers of 192 inputs with AVX2: at 80 %
// zeros 5.7 ms in one part and 6.1 in two, at 90 % 3.7 and 4.1.
constexpr int kWholeTileBytes = kPipelined ? kTileBytes : 45 << 10;

template <class Offset>
const Offset* offsets_of(const SpmmArgs& a) {
  if constexpr (std::is_same_v<Offset, std::uint16_t>) {
    return a.narrow_offsets;
  } else {
    return a.wide_offsets;
  }
}

template <int Block, class Offset>
struct SpmmPass {
  const SpmmArgs& args;

  // Not inlined, to have more registers. benchmarks/mca.py looks for this function.
  template <int T, class Last>
  __attribute__((noinline)) void run(int first, int last_lanes) const {
    const SpmmArgs a = args;  // a copy, which stores to y cannot alias
    const Element* x = elements(a.x) + first;
    const std::size_t row_bytes = opaque(a.y_stride * sizeof(Element));
    static constexpr Epilogue kNothing;
    const void* residual = a.finish ? a.residual : Padded<const void>();
    Finish finish(a.finish ? args.epilogue : kNothing, a.y, residual, first);
    Taps<Block, Offset, T, Last> taps(x, elements(a.values), offsets_of<Offset>(a));
    const std::int32_t* const end = a.channels + a.blocks * Block;
    const std::int32_t* next_nnz = a.nnz;
    for (const std::int32_t* channels = a.channels; channels != end; channels += Block) {
      std::size_t at[Block];  // byte offsets of the channels' rows
      Sum<Block, T, Last> sums[Block];
      TFSPARSE_UNROLL
      for (int c = 0; c < Block; ++c) {
        const std::size_t channel = channels[c];
        at[c] = channel * row_bytes;
        if (__builtin_expect(a.accumulate, false)) {  // no jump in the usual case
          // Opaque, so that only the offset is kept in a register.
          sums[c].load(opaque(finish.row(opaque(at[c]))));
        } else {
          sums[c].template fill<kBiasCopies>(elements(a.bias) + channel * kBiasCopies);
        }
      }
      const unsigned count = *next_nnz;
      next_nnz = opaque(next_nnz + 1);  // done by the same instruction
      taps.add(sums, count);
      if (kPipelined && Block > 1) finish.load_bounds();
      TFSPARSE_UNROLL
      for (int c = 0; c < Block; ++c) finish.store(sums[c], at[c], last_lanes);
    }
  }
};

template <int Block>
void spmm_of(const SpmmArgs& a) {
  if constexpr (kNarrowOffsets) {
    const SpmmPass<Block, std::uint16_t> pass{a};
    if (a.narrow_offsets) return run_passes<max_tile(Block)>(pass, a.n, a.tile);
  }
  const SpmmPass<Block, std::int32_t> pass{a};
  run_passes<max_tile(Block)>(pass, a.n, a.tile);
}

void spmm(const SpmmArgs& a) {
  if (a.block == 1) return spmm_of<1>(a);
  if (a.block == 2) return spmm_of<2>(a);
  spmm_of<4>(a);
}

}  // namespace
}  // namespace tfsparse
