// Dense weights times planes: kGemmRows rows by up to three vectors of pixels stay in registers.
#pragma once

#include "delegate/kernels/tile.h"

namespace tfsparse {
namespace {

constexpr int kGemmRows = kRegisters == 32 ? 8 : 4;
constexpr int kGemmTile = 3;  // rows * tile accumulators + tile inputs + a weight fit the registers

struct GemmPass {
  const GemmArgs& args;

  template <int T, class Last>
  void run(int first, int last_lanes) const {
    const GemmArgs a = args;  // a copy, which stores to y cannot alias
    const Element* x = elements(a.x) + first;
    const Element* weights = elements(a.weights);
    for (int row = 0; row < a.rows; row += kGemmRows) {
      const int rows = smaller(kGemmRows, a.rows - row);
      Tile<T, Last> acc[kGemmRows];
      TFSPARSE_UNROLL
      for (int r = 0; r < kGemmRows; ++r) acc[r].fill(a.bias && r < rows ? a.bias[row + r] : 0.0f);
      for (int d = 0; d < a.depth; ++d, weights += kGemmRows) {
        Tile<T, Last> in;
        in.load(x + a.offsets[d]);
        TFSPARSE_UNROLL
        for (int r = 0; r < kGemmRows; ++r) {
          if constexpr (Vec::kFactors > 1) {
            acc[r].add_scaled(Factors<Vec, kGemmRows>(weights), r, in);
          } else {
            acc[r].add_scaled(Vec::broadcast(weights[r]), in);
          }
        }
      }
      TFSPARSE_UNROLL
      for (int r = 0; r < kGemmRows; ++r) {
        if (r < rows) {
          const std::size_t at = (row + r) * a.y_stride + first;
          const Element* residual = a.residual ? elements(a.residual) + at : nullptr;
          finish_and_store(acc[r], elements(a.y) + at, residual, last_lanes, a.epilogue);
        }
      }
    }
  }
};

void gemm(const GemmArgs& a) { run_passes<kGemmTile>(GemmPass{a}, a.n, kGemmTile); }

}  // namespace
}  // namespace tfsparse
