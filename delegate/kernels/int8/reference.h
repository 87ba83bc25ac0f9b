// The oracle: every int8 kernel as the plain loop that says what it computes. Same arguments, and
// the table whose kernel it is for, which says how bytes are kept.
#pragma once

#include <cmath>
#include <cstdint>

#include "delegate/kernels/int8/kernels.h"

namespace tfsparse {
namespace int8 {
namespace reference {

inline int code(std::int8_t byte, const Kernels& k) {
  return static_cast<std::int8_t>(byte ^ k.flip);
}
inline std::int8_t byte(int code, const Kernels& k) {
  return static_cast<std::int8_t>(code ^ k.flip);
}

inline int clamp(std::int64_t code, const Output& output) {
  return static_cast<int>(code < output.lo ? output.lo : code > output.hi ? output.hi : code);
}

inline int finish(std::int32_t sum, float multiplier, const Output& output) {
  const float scaled = static_cast<float>(sum) * multiplier;
  return clamp(std::llrint(scaled) + output.zero_point, output);
}

inline int add(int a, int b, const Add& how) {
  const std::int32_t sum =
      (a - how.zero_a) * how.multiplier_a + (b - how.zero_b) * how.multiplier_b;
  const std::int32_t shifted = (sum + (1 << (how.shift - 1))) >> how.shift;
  return clamp(std::int64_t{shifted} + how.output.zero_point, how.output);
}

// The product of a weight and the byte of a code, as the bias expects it (pack_bias()).
inline std::int32_t product(int weight, std::int8_t x, const Kernels& k) {
  if (k.flips_weights && weight < 0) return -weight * (-1 - code(x, k));
  return weight * (code(x, k) + k.flip);
}

inline void spmm(const SpmmArgs& a, const Kernels& k) {
  std::size_t begin = 0;
  for (int channel = 0; channel < a.quads * kQuad; begin += a.counts[channel], ++channel) {
    for (int p = 0; p < a.n; ++p) {
      std::int32_t sum = a.bias[channel * k.bias_copies];
      for (std::size_t i = begin; i < begin + a.counts[channel]; ++i) {
        for (int c = 0; c < kQuad; ++c) {
          sum += product(a.weights[i * kQuad + c], a.x[a.offsets[i] + p * kQuad + c], k);
        }
      }
      const std::size_t at = channel / kQuad * a.y_stride + p * kQuad + channel % kQuad;
      int y = finish(sum, a.multipliers[channel], a.output);
      if (a.residual) y = add(y, code(a.residual[at], k), a.add);
      a.y[at] = byte(y, k);
    }
  }
}

}  // namespace reference
}  // namespace int8
}  // namespace tfsparse
