// The table of one instruction set, from the kernels as compiled in the file that includes this.
#pragma once

#include "delegate/kernels/depthwise.h"
#include "delegate/kernels/elementwise.h"
#include "delegate/kernels/gemm.h"
#include "delegate/kernels/layout.h"
#include "delegate/kernels/pooling.h"
#include "delegate/kernels/resize.h"
#include "delegate/kernels/rows.h"
#include "delegate/kernels/spmm.h"

namespace tfsparse {
namespace {

constexpr Kernels table(const char* name) {
  return {name,       Vec::kLanes,       kMaxTile,    kGemmRows, spmm,    gemm,
          depthwise,  depthwise_scratch, pool,        resize,    pad,     unary,
          binary,     dense_rows,        sparse_rows, sum,       softmax, to_planes,
          from_planes};
}

}  // namespace
}  // namespace tfsparse
