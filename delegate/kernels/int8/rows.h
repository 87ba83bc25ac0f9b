// Matrix times vector. A quad of the input, everywhere in a vector, multiplies a vector of quads of
// weights, one of each output: no sum has to be added up across lanes.
#pragma once

#include <cstring>

#include "delegate/kernels/int8/simd.h"

namespace tfsparse {
namespace int8 {
namespace {

constexpr int kRowVectors = 4;
constexpr int kRowGroup = kRowVectors * Quads::kLanes;  // outputs

void rows(const RowsArgs& a) {
  const Finish finish(a.output);
  const std::int8_t* weights = a.weights;
  const std::int32_t* offsets = a.offsets;
  for (int first = 0; first < a.outputs; first += kRowGroup) {
    Sum sums[kRowVectors];
    TFSPARSE_UNROLL
    for (int v = 0; v < kRowVectors; ++v) {
      sums[v] = Sum::of(Ints::load(a.bias + first + v * Quads::kLanes));
    }
    const int count = a.counts[first / kRowGroup];
    TFSPARSE_NO_UNROLL
    for (int i = 0; i < count; ++i, weights += kRowVectors * kVectorBytes) {
      const Quads x = Quads::broadcast(a.x + *offsets++);
      TFSPARSE_UNROLL
      for (int v = 0; v < kRowVectors; ++v) {
        sums[v].add(x, LaneWeights::load(weights + v * kVectorBytes));
      }
    }
    const auto scaled = [&](int v) {
      return SumFactor::load(a.multipliers + first + v * Quads::kLanes).scale(sums[v].total());
    };
    const Quads codes = finish.codes(scaled(0), scaled(1), scaled(2), scaled(3));
    if (a.outputs - first >= kRowGroup) {
      codes.store(a.y + first);
    } else {
      std::int8_t last[kRowGroup];
      codes.store(last);
      std::memcpy(a.y + first, last, a.outputs - first);
    }
  }
}

}  // namespace
}  // namespace int8
}  // namespace tfsparse
