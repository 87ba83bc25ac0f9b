// Sparse weights times planes. The nonzeros are the inner loop: a tile of pixels stays in registers
// while one row's nonzeros stream by, each costing one broadcast and T multiply-adds from memory.
#pragma once

#include "delegate/kernels/tile.h"

namespace tfsparse {
namespace {

// Accumulators, and at least two registers for the weight and a load.
constexpr int kMaxTile = kRegisters == 32 ? 16 : 12;

template <class V, int T>
void spmm_pass(const SpmmArgs& a, int first, int last_lanes) {
  const float* x = a.x + first;
  const float* values = a.values;
  const std::int32_t* offsets = a.offsets;
  for (int row = 0; row < a.rows; ++row) {
    float* y = a.y + row * a.y_stride + first;
    V acc[T];
    const V bias = V::broadcast(a.bias ? a.bias[row] : 0.0f);
    TFSPARSE_UNROLL
    for (int t = 0; t < T; ++t) acc[t] = a.accumulate ? V::load(y + t * V::kLanes) : bias;
    const int nnz = a.row_nnz[row];
    for (int i = 0; i < nnz; ++i) {
      const V w = V::broadcast(values[i]);
      const float* xi = x + offsets[i];
      TFSPARSE_UNROLL
      for (int t = 0; t < T; ++t) acc[t] = V::fma(w, V::load(xi + t * V::kLanes), acc[t]);
    }
    values += nnz;
    offsets += nnz;
    if (a.finish) {
      const float* residual = a.residual ? a.residual + row * a.y_stride + first : nullptr;
      finish_and_store(acc, y, residual, last_lanes, a.epilogue);
    } else {
      store_tile(acc, y, last_lanes);
    }
  }
}

template <class V, int T = kMaxTile>
void spmm_pass_of(int vectors, const SpmmArgs& a, int first, int last_lanes) {
  if (vectors == T) return spmm_pass<V, T>(a, first, last_lanes);
  if constexpr (T > 1) spmm_pass_of<V, T - 1>(vectors, a, first, last_lanes);
}

void spmm(const SpmmArgs& a) {
  if (a.n <= 0) return;
  const Passes<Vec> passes(a.n, larger(1, smaller(a.tile, kMaxTile)));
  for (int i = 0; i < passes.passes; ++i) {
    const int begin = passes.begin(i), end = passes.begin(i + 1);
    const int last_lanes = smaller(Vec::kLanes, a.n - (end - 1) * Vec::kLanes);
    spmm_pass_of<Vec>(end - begin, a, begin * Vec::kLanes, last_lanes);
  }
}

}  // namespace
}  // namespace tfsparse
