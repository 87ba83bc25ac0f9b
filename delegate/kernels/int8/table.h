// The table of one instruction set, from the kernels as compiled in the file that includes this.
#pragma once

#include "delegate/kernels/int8/depthwise.h"
#include "delegate/kernels/int8/elementwise.h"
#include "delegate/kernels/int8/layout.h"
#include "delegate/kernels/int8/pooling.h"
#include "delegate/kernels/int8/quantize.h"
#include "delegate/kernels/int8/resize.h"
#include "delegate/kernels/int8/rows.h"
#include "delegate/kernels/int8/spmm.h"

namespace tfsparse {
namespace int8 {
namespace {

constexpr Kernels table(const char* name) {
  Kernels kernels{};
  kernels.name = name;
  kernels.flip = Quads::kFlip;
  kernels.fixed_point = SumFactor::kFixedPoint;
  kernels.flips_weights = Quads::kFlipsWeights;
  kernels.lanes = Quads::kLanes;
  kernels.max_tile = kMaxTile;
  kernels.tile_bytes = kTileBytes;
  kernels.bias_copies = kBiasCopies;
  kernels.spmm = spmm;
  kernels.depthwise = depthwise;
  kernels.depthwise_scratch = depthwise_scratch;
  kernels.pool = pool;
  kernels.resize = resize;
  kernels.pad = pad;
  kernels.to_quads = to_quads;
  kernels.from_quads = from_quads;
  kernels.add = add;
  kernels.multiply = multiply;
  kernels.prelu = prelu;
  kernels.quantize = quantize;
  kernels.dequantize = dequantize;
  kernels.mean = mean;
  kernels.rows = rows;
  kernels.lookup = lookup;
  return kernels;
}

}  // namespace
}  // namespace int8
}  // namespace tfsparse
