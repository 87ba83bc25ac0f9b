// Sparse weights times planes. The nonzeros are the inner loop: a tile of pixels stays in registers
// while one row's nonzeros stream by, each costing one broadcast and T multiply-adds from memory.
#pragma once

#include "delegate/kernels/tile.h"

namespace tfsparse {
namespace {

// Accumulators, and at least two registers for the weight and a load.
constexpr int kMaxTile = kRegisters == 32 ? 16 : 12;

struct SpmmPass {
  const SpmmArgs& args;

  template <int T, class Last>
  void run(int first, int last_lanes) const {
    const SpmmArgs a = args;  // a copy, which stores to y cannot alias
    const float* x = a.x + first;
    float* y = a.y + first;
    const float* residual = a.residual ? a.residual + first : nullptr;
    const float* values = a.values;
    const std::int32_t* offsets = a.offsets;
    for (int row = 0; row < a.rows; ++row) {
      Tile<T, Last> acc;
      if (a.accumulate) {
        acc.load(y);
      } else {
        acc.fill(a.bias ? a.bias[row] : 0.0f);
      }
      for (const float* end = values + a.row_nnz[row]; values != end; ++values, ++offsets) {
        acc.add_scaled(Vec::broadcast(*values), x + *offsets);
      }
      if (a.finish) {
        finish_and_store(acc, y, residual, last_lanes, a.epilogue);
        if (residual) residual += a.y_stride;
      } else {
        acc.store(y, last_lanes);
      }
      y += a.y_stride;
    }
  }
};

void spmm(const SpmmArgs& a) { run_passes<kMaxTile>(SpmmPass{a}, a.n, a.tile); }

}  // namespace
}  // namespace tfsparse
