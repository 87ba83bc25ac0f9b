// The kernel table of one instruction set, compiled into the file that includes this.
#pragma once

#include "delegate/kernels/depthwise.h"
#include "delegate/kernels/elementwise.h"
#include "delegate/kernels/layer_norm.h"
#include "delegate/kernels/layout.h"
#include "delegate/kernels/pooling.h"
#include "delegate/kernels/register_tile.h"
#include "delegate/kernels/resize.h"
#include "delegate/kernels/rows.h"
#include "delegate/kernels/spmm.h"

namespace tfsparse {
namespace {

constexpr Kernels table(const char* name) {
  Kernels kernels{};
  kernels.name = name;
  kernels.element_bytes = sizeof(Element);
  kernels.lanes = Vec::kLanes;
  kernels.max_tile[1] = max_tile(1);
  kernels.max_tile[2] = max_tile(2);
  kernels.max_tile[4] = max_tile(4);
  for (int block : {1, 2, 4}) kernels.usual_tile[block] = usual_tile(block);
  kernels.tile_bytes = kTileBytes;
  kernels.whole_tile_bytes = kWholeTileBytes;
  kernels.dense_tile_bytes = kDenseTileBytes;
  kernels.narrow_offsets = kNarrowOffsets;
  kernels.bias_copies = kBiasCopies;
  kernels.tile_rows = kTileRows;
  kernels.register_tile = multiply_register_tile<FloatVec>;
  kernels.spmm = spmm;
  kernels.depthwise = depthwise;
  kernels.depthwise_scratch = depthwise_scratch;
  kernels.pool = pool;
  kernels.resize = resize;
  kernels.pad = pad;
  kernels.crop = crop;
  kernels.unary = unary;
  kernels.binary = binary;
  kernels.dense_rows = dense_rows<FloatVec, Element>;
  kernels.half_rows = half_rows<FloatVec>();
  kernels.sparse_rows = sparse_rows;
  kernels.sum = sum;
  kernels.accumulate = accumulate;
  kernels.softmax = softmax;
  kernels.layer_norm = layer_norm;
  kernels.from_floats = from_floats;
  kernels.to_floats = to_floats;
  kernels.to_chw = to_chw;
  kernels.from_chw = from_chw;
  return kernels;
}

}  // namespace
}  // namespace tfsparse
