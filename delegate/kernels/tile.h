// A tile of results: T vectors of consecutive pixels of one output row, held in registers.
#pragma once

#include "delegate/kernels/simd.h"

namespace tfsparse {
namespace {

// A run of n pixels cut into passes of at most `tile` vectors, as equal as can be: seven vectors by
// a tile of four are 4 + 3 and not 4 + 1 + 1 + 1, as every pass reads all the weights.
template <class V>
struct Passes {
  int vectors, passes;

  Passes(int n, int tile) : vectors(ceil_div(n, V::kLanes)), passes(ceil_div(vectors, tile)) {}
  // Where pass i begins, in vectors.
  int begin(int i) const {
    return static_cast<int>(static_cast<std::int64_t>(vectors) * i / passes);
  }
};

// Applies the epilogue and stores T vectors; of the last one only `last_lanes` lanes.
template <class V, int T>
void finish_and_store(V (&acc)[T], float* y, const float* residual, int last_lanes,
                      const Epilogue& epilogue) {
  TFSPARSE_UNROLL
  for (int t = 0; t < T; ++t) acc[t] = apply(epilogue, acc[t]);
  if (residual) {
    TFSPARSE_UNROLL
    for (int t = 0; t < T; ++t) acc[t] = acc[t] + V::load(residual + t * V::kLanes);
  }
  store_tile(acc, y, last_lanes);
}

template <class V, int T>
void store_tile(V (&acc)[T], float* y, int last_lanes) {
  TFSPARSE_UNROLL
  for (int t = 0; t < T - 1; ++t) acc[t].store(y + t * V::kLanes);
  acc[T - 1].store(y + (T - 1) * V::kLanes, last_lanes);
}

}  // namespace
}  // namespace tfsparse
