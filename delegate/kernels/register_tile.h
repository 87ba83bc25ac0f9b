// The register tile of XNNPACK's dense float32 convolutions, to measure the processor's speed
// (assignment/speed.h). No plan runs it.
#pragma once

#include "delegate/kernels/epilogue.h"

namespace tfsparse {
namespace {

// XNNPACK's choice for each instruction set: src/configs/gemm-config.c.
#if defined(__AVX512F__)
constexpr int kTileRows = 7;
#elif defined(__AVX2__)
constexpr int kTileRows = 5;
#elif defined(TFSPARSE_NEON) || defined(TFSPARSE_NEON_FP16)
constexpr int kTileRows = 6;
#else
constexpr int kTileRows = 4;
#endif

template <class V>
void multiply_register_tile(const RegisterTileArgs& a) {
  const float* w = a.weights;
  V sums[kTileRows][2];
  TFSPARSE_UNROLL
  for (auto& row : sums) {
    row[0] = V::load(w);
    row[1] = V::load(w + V::kLanes);
  }
  TFSPARSE_NO_UNROLL
  for (int i = 0; i < a.depth; ++i) {
    w += 2 * V::kLanes;
    const V left = V::load(w), right = V::load(w + V::kLanes);
    TFSPARSE_UNROLL
    for (int row = 0; row < kTileRows; ++row) {
      const V x = V::broadcast(a.x[row * a.depth + i]);
      sums[row][0] = V::fma(x, left, sums[row][0]);
      sums[row][1] = V::fma(x, right, sums[row][1]);
    }
  }
  float* y = a.y;
  TFSPARSE_UNROLL
  for (auto& row : sums) {
    TFSPARSE_UNROLL
    for (V sum : row) {
      clamp(sum, V::broadcast(0.0f), V::broadcast(6.0f)).store(y);
      y += V::kLanes;
    }
  }
}

}  // namespace
}  // namespace tfsparse
