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
    const Element* x = opaque(elements(a.x) + first);
    const Element* weights = elements(a.weights);
    const std::size_t row_bytes = opaque(a.y_stride * sizeof(Element));
    const Finish finish(args.epilogue, a.y, a.residual, first);
    for (int row = 0; row < a.rows; row += kGemmRows) {
      const int rows = smaller(kGemmRows, a.rows - row);
      Tile<T, Last> acc[kGemmRows];
      TFSPARSE_UNROLL
      for (int r = 0; r < kGemmRows; ++r) acc[r].fill(a.bias[row + r]);
      for (int d = 0; d < a.depth; ++d, weights += kGemmRows) {
        Tile<T, Last> in;
        in.load(opaque(x + a.offsets[d]));
        if constexpr (Vec::kFactors > 1) {
          const Factors<Vec, kGemmRows> factors(weights);
          TFSPARSE_UNROLL
          for (int r = 0; r < kGemmRows; ++r) acc[r].add_scaled(factors, r, in);
        } else {
          TFSPARSE_UNROLL
          for (int r = 0; r < kGemmRows; ++r) acc[r].add_scaled(Vec::broadcast(weights[r]), in);
        }
      }
      TFSPARSE_UNROLL
      for (int r = 0; r < kGemmRows; ++r) {
        if (r < rows) finish.store(acc[r], (row + r) * row_bytes, last_lanes);
      }
    }
  }
};

void gemm(const GemmArgs& a) { run_passes<kGemmTile>(GemmPass{a}, a.n, kGemmTile); }

}  // namespace
}  // namespace tfsparse
