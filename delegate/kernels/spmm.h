// Sparse weights times planes. The nonzeros are the inner loop: a tile of pixels of one block of
// output channels stays in registers while the block's nonzeros stream by.
#pragma once

#include "delegate/kernels/spmm_taps.h"

namespace tfsparse {
namespace {

// Offsets of 16 bits halve what is read beside the weights. Where a multiplication reads nothing,
// four of 32 bits come with one instruction.
constexpr bool kNarrowOffsets = !kPipelined;

// Four vectors of each bias: an instruction of arm64 loads as many, and fills a tile with them.
constexpr int kBiasCopies = kPipelined ? 4 * Vec::kLanes : 1;

// Tiles of `block` output channels fit the registers next to a tile of input and a weight. Where a
// block of one channel multiplies straight from memory, more than 9 vectors never paid.
constexpr int max_tile(int block) {
  const int fitting = (kRegisters - 1) / (block + 1);
  if (kPipelined) return smaller(14, fitting);
  return smaller(9, block == 1 ? kRegisters - 4 : fitting);
}

// The tile that is fastest where runs are long. Measured over MobileNetV2's layers with AVX, 7 to 9
// vectors are alike and best for single channels: fewer repeat the stream of weights more often,
// more leave too few channels in the cache.
constexpr int usual_tile(int block) {
  return kPipelined ? max_tile(block) : smaller(max_tile(block), block == 4 ? 6 : 8);
}

// Bytes of input that one pass over the weights may touch and still find in the first-level cache.
// Measured with 32 KB of it: 24 to 36 KB are alike, 16 KB and no limit are slower. Arm's larger
// cores have 64 KB; on the others a pipeline waits less for the second level.
constexpr int kTileBytes = (kPipelined ? 60 : 30) << 10;

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

  // Never inlined, which would leave fewer registers; benchmarks/mca.py looks for it, too.
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
      std::size_t at[Block];  // in bytes, where the channels' rows are
      Sum<Block, T, Last> sums[Block];
      TFSPARSE_UNROLL
      for (int c = 0; c < Block; ++c) {
        const std::size_t channel = channels[c];
        at[c] = channel * row_bytes;
        if (__builtin_expect(a.accumulate, false)) {  // the usual way has no jump
          // Opaque, or this row's address would be kept beside the row's offset.
          sums[c].load(opaque(finish.row(opaque(at[c]))));
        } else {
          sums[c].template fill<kBiasCopies>(elements(a.bias) + channel * kBiasCopies);
        }
      }
      const unsigned count = *next_nnz;
      next_nnz = opaque(next_nnz + 1);  // which the same instruction does
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
