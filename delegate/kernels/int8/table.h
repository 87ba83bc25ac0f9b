// The table of one instruction set, from the kernels as compiled in the file that includes this.
#pragma once

#include "delegate/kernels/int8/spmm.h"

namespace tfsparse {
namespace int8 {
namespace {

constexpr Kernels table(const char* name) {
  Kernels kernels{};
  kernels.name = name;
  kernels.flip = Quads::kFlip;
  kernels.flips_weights = Quads::kFlipsWeights;
  kernels.lanes = Quads::kLanes;
  kernels.max_tile = kMaxTile;
  kernels.tile_bytes = kTileBytes;
  kernels.bias_copies = kBiasCopies;
  kernels.spmm = spmm;
  return kernels;
}

}  // namespace
}  // namespace int8
}  // namespace tfsparse
