// Sparse weights times planes. The nonzeros are the inner loop: a tile of pixels of one block of
// output channels stays in registers while the block's nonzeros stream by.
#pragma once

#include "delegate/kernels/tile.h"

namespace tfsparse {
namespace {

// Whether a multiplication reads nothing from memory: then the next inputs are loaded meanwhile.
constexpr bool kPipelined = Vec::kFactors > 1;

// Offsets of 16 bits halve what is read beside the weights. Where a multiplication reads nothing,
// two of 32 bits come with one instruction.
constexpr bool kNarrowOffsets = !kPipelined;

// Two vectors of each bias: an instruction of arm64 loads as many, and fills a tile with them.
constexpr int kBiasCopies = kPipelined ? 2 * Vec::kLanes : 1;

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

template <int Block, class Offset>
struct SpmmPass {
  const SpmmArgs& args;
  const Offset* all_offsets;

  // Never inlined, which would leave fewer registers; benchmarks/mca.py looks for it, too.
  template <int T, class Last>
  __attribute__((noinline)) void run(int first, int last_lanes) const {
    const SpmmArgs a = args;  // a copy, which stores to y cannot alias
    const Element* x = elements(a.x) + first;
    const Element* values = elements(a.values);
    const Offset* offsets = all_offsets + kPipelined;
    const std::size_t row_bytes = opaque(a.y_stride * sizeof(Element));
    static constexpr Epilogue kNothing;
    Finish finish(a.finish ? args.epilogue : kNothing, a.y, a.finish ? a.residual : nullptr, first);
    // The pixels of the next place, also of the next row where there are registers for them.
    Tile<T, Last> in;
    if (kPipelined && Block == 1) in.load(opaque(x + offsets[-1]));
    const std::int32_t* const end = a.channels + a.blocks * Block;
    const std::int32_t* next_places = a.places;
    for (const std::int32_t* channels = a.channels; channels != end; channels += Block) {
      std::size_t at[Block];  // in bytes, where the channels' rows are
      Tile<T, Last> sums[Block];
      TFSPARSE_UNROLL
      for (int c = 0; c < Block; ++c) {
        const std::size_t channel = channels[c];
        at[c] = channel * row_bytes;
        if (__builtin_expect(a.accumulate, false)) {  // the usual way has no jump
          // Opaque, or this row's address would be kept beside the row's place.
          sums[c].load(opaque(finish.row(opaque(at[c]))));
        } else {
          sums[c].template fill<kBiasCopies>(elements(a.bias) + channel * kBiasCopies);
        }
      }
      const unsigned places = *next_places;
      next_places = opaque(next_places + 1);  // which the same instruction does
      if constexpr (kPipelined) {
        add_pipelined(sums, in, values, offsets, places, x);
      } else {
        for (unsigned i = 0; i < places; ++i) add_place(sums, values + i * Block, x + offsets[i]);
        offsets += places;
        values += places * Block;
      }
      if (kPipelined && Block > 1) finish.load_bounds();
      TFSPARSE_UNROLL
      for (int c = 0; c < Block; ++c) finish.store(sums[c], at[c], last_lanes);
    }
  }

  // Adds one input channel's pixels, times the weights that the block's channels have for them.
  template <int T, class Last>
  static TFSPARSE_INLINE void add_place(Tile<T, Last>* sums, const Element* values,
                                        const Element* x) {
    if constexpr (Block == 1) {
      sums[0].add_scaled(Vec::broadcast(*values), x);
    } else {
      Tile<T, Last> in;
      in.load(x);
      TFSPARSE_UNROLL
      for (int c = 0; c < Block; ++c) sums[c].add_scaled(Vec::broadcast(values[c]), in);
    }
  }

  // Adds all places, some at a time. While one is multiplied the next one's pixels are loaded, each
  // into the register that was just read: on a core that runs instructions in their order, nothing
  // waits for a load. Of blocks the last pixels are loaded when their turn begins, behind the next
  // weights: such a core would else do nothing while the one loads and the others wait for it.
  template <int T, class Last>
  static TFSPARSE_INLINE void add_pipelined(Tile<T, Last>* sums, Tile<T, Last>& in,
                                            const Element*& values, const Offset*& offsets,
                                            unsigned places, const Element* x) {
    // Of single channels 8 would be twice the code. Blocks of 4 have no registers for more weights,
    // but more of them in a round; those of 2 were no faster by it.
    constexpr unsigned kAtOnce = larger(2, smaller(4, Vec::kFactors / Block));
    constexpr unsigned kRound = Block == 4 ? 4 : kAtOnce;
    const Element* here = opaque(x + offsets[-1]);
    if (Block > 1) in.load_early(here);
    const auto add = [&](auto count) TFSPARSE_INLINE_LAMBDA {
      constexpr unsigned kCount = count;
      const Factors<Vec, ceil_div(kCount * Block, Vec::kFactors) * Vec::kFactors> weights(values);
      const Element* next[kCount];  // early, as an address takes time
      TFSPARSE_UNROLL
      for (unsigned i = 0; i < kCount; ++i) next[i] = opaque(x + offsets[i]);
      TFSPARSE_UNROLL
      for (unsigned i = 0; i < kCount; ++i) {
        if constexpr (Block == 1) {
          in.add_scaled_to(sums, weights, i, next[i]);
        } else {
          in.load_late(here);
          in.add_scaled_to_all(sums, Block, weights, i * Block, next[i]);
          here = next[i];
        }
      }
      offsets += kCount;
      values += kCount * Block;
    };
    if (places & 1) add(std::integral_constant<unsigned, 1>());
    if constexpr (kRound > 2) {
      if (places & 2) add(std::integral_constant<unsigned, 2>());
    }
    // Counted, as compilers would else compute where it ends from the number of places.
    TFSPARSE_NO_UNROLL
    for (unsigned left = places / kRound; left > 0; left = opaque(left - 1)) {
      TFSPARSE_UNROLL
      for (unsigned i = 0; i < kRound; i += kAtOnce) {
        add(std::integral_constant<unsigned, kAtOnce>());
      }
    }
  }
};

template <int Block>
void spmm_of(const SpmmArgs& a) {
  if (kNarrowOffsets && a.narrow_offsets) {
    const SpmmPass<Block, std::uint16_t> pass{a, a.narrow_offsets};
    run_passes<max_tile(Block)>(pass, a.n, a.tile);
  } else {
    const SpmmPass<Block, std::int32_t> pass{a, a.wide_offsets};
    run_passes<max_tile(Block)>(pass, a.n, a.tile);
  }
}

void spmm(const SpmmArgs& a) {
  if (a.block == 1) return spmm_of<1>(a);
  if (a.block == 2) return spmm_of<2>(a);
  spmm_of<4>(a);
}

}  // namespace
}  // namespace tfsparse
