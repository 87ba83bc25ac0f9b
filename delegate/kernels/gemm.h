// Dense weights times planes: kGemmRows rows by up to three vectors of pixels stay in registers.
#pragma once

#include "delegate/kernels/tile.h"

namespace tfsparse {
namespace {

constexpr int kGemmRows = kRegisters == 32 ? 8 : 4;
constexpr int kGemmTile = 3;  // rows * tile accumulators + tile inputs + a weight fit the registers

template <class V, int T>
void gemm_pass(const GemmArgs& a, int first, int last_lanes) {
  const float* x = a.x + first;
  const float* weights = a.weights;
  for (int row = 0; row < a.rows; row += kGemmRows) {
    const int rows = smaller(kGemmRows, a.rows - row);
    V acc[kGemmRows][T];
    TFSPARSE_UNROLL
    for (int r = 0; r < kGemmRows; ++r) {
      const V bias = V::broadcast(a.bias && r < rows ? a.bias[row + r] : 0.0f);
      TFSPARSE_UNROLL
      for (int t = 0; t < T; ++t) acc[r][t] = bias;
    }
    for (int d = 0; d < a.depth; ++d) {
      const float* xd = x + a.offsets[d];
      V in[T];
      TFSPARSE_UNROLL
      for (int t = 0; t < T; ++t) in[t] = V::load(xd + t * V::kLanes);
      TFSPARSE_UNROLL
      for (int r = 0; r < kGemmRows; ++r) {
        const V w = V::broadcast(weights[r]);
        TFSPARSE_UNROLL
        for (int t = 0; t < T; ++t) acc[r][t] = V::fma(w, in[t], acc[r][t]);
      }
      weights += kGemmRows;
    }
    TFSPARSE_UNROLL
    for (int r = 0; r < kGemmRows; ++r) {
      if (r >= rows) break;
      const std::size_t at = (row + r) * a.y_stride + first;
      finish_and_store(acc[r], a.y + at, a.residual ? a.residual + at : nullptr, last_lanes,
                       a.epilogue);
    }
  }
}

template <class V, int T = kGemmTile>
void gemm_pass_of(int vectors, const GemmArgs& a, int first, int last_lanes) {
  if (vectors == T) return gemm_pass<V, T>(a, first, last_lanes);
  if constexpr (T > 1) gemm_pass_of<V, T - 1>(vectors, a, first, last_lanes);
}

void gemm(const GemmArgs& a) {
  if (a.n <= 0) return;
  const Passes<Vec> passes(a.n, kGemmTile);
  for (int i = 0; i < passes.passes; ++i) {
    const int begin = passes.begin(i), end = passes.begin(i + 1);
    const int last_lanes = smaller(Vec::kLanes, a.n - (end - 1) * Vec::kLanes);
    gemm_pass_of<Vec>(end - begin, a, begin * Vec::kLanes, last_lanes);
  }
}

}  // namespace
}  // namespace tfsparse
