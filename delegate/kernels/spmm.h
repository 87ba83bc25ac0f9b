// Sparse weights times planes. The nonzeros are the inner loop: a tile of pixels of one block of
// output channels stays in registers while the block's nonzeros stream by.
#pragma once

#include "delegate/kernels/tile.h"

namespace tfsparse {
namespace {

// Tiles of `block` output channels fit the registers next to a tile of input and a weight. A block
// of one channel multiplies straight from memory, and more than 9 vectors never paid.
constexpr int max_tile(int block) {
  return block == 1 ? smaller(9, kRegisters - 4) : smaller(9, (kRegisters - 1) / (block + 1));
}

template <int Block, class Offset>
struct SpmmPass {
  const SpmmArgs& args;
  const Offset* all_offsets;

  template <int T, class Last>
  void run(int first, int last_lanes) const {
    const SpmmArgs a = args;  // a copy, which stores to y cannot alias
    const Element* x = elements(a.x) + first;
    const Element* values = elements(a.values);
    const Offset* offsets = all_offsets;
    const std::int32_t* channels = a.channels;
    for (int block = 0; block < a.blocks; ++block, channels += Block) {
      Tile<T, Last> sums[Block];
      TFSPARSE_UNROLL
      for (int c = 0; c < Block; ++c) {
        if (a.accumulate) {
          sums[c].load(elements(a.y) + channels[c] * a.y_stride + first);
        } else {
          sums[c].fill(a.bias[channels[c]]);
        }
      }
      for (const Offset* end = offsets + a.places[block]; offsets != end; ++offsets) {
        add_place(sums, values, x + *offsets);
        values += Block;
      }
      TFSPARSE_UNROLL
      for (int c = 0; c < Block; ++c) {
        const std::size_t at = channels[c] * a.y_stride + first;
        if (a.finish) {
          const Element* residual = a.residual ? elements(a.residual) + at : nullptr;
          finish_and_store(sums[c], elements(a.y) + at, residual, last_lanes, a.epilogue);
        } else {
          sums[c].store(elements(a.y) + at, last_lanes);
        }
      }
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
};

template <int Block>
void spmm_of(const SpmmArgs& a) {
  if (a.narrow_offsets) {
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
