// Floats to codes and back, at the edges of an int8 network. Codes are as TFLite has them.
#pragma once

#include <cstring>

#include "delegate/kernels/int8/simd.h"

namespace tfsparse {
namespace int8 {
namespace {

// Calls f(x, y) for vectors of kVectorBytes numbers, the last of them by way of a copy.
template <class Args, class F>
void for_each_vector(const Args& a, const F& f) {
  std::size_t i = 0;
  for (; i + kVectorBytes <= a.n; i += kVectorBytes) f(a.x + i, a.y + i);
  if (i == a.n) return;
  std::remove_cv_t<std::remove_pointer_t<decltype(a.x)>> x[kVectorBytes] = {};
  std::remove_pointer_t<decltype(a.y)> y[kVectorBytes];
  std::memcpy(x, a.x + i, (a.n - i) * sizeof x[0]);
  f(x, y);
  std::memcpy(a.y + i, y, (a.n - i) * sizeof y[0]);
}

void quantize(const QuantizeArgs& a) {
  const Factor factor = Factor::broadcast(a.inverse_scale);
  const Floats lo = Floats::broadcast(static_cast<float>(-128 - a.zero_point));
  const Floats hi = Floats::broadcast(static_cast<float>(127 - a.zero_point));
  const Narrowing zero_point = Narrowing::of(a.zero_point);
  for_each_vector(a, [&](const float* x, std::int8_t* y) {
    const auto rounded = [&](int i) {
      return Floats::load(x + i * Quads::kLanes).rounded(factor, lo, hi);
    };
    zero_point.narrow<Narrow::kShort>(rounded(0), rounded(1), rounded(2), rounded(3))
        .in_order()
        .flipped()
        .store(y);
  });
}

void dequantize(const DequantizeArgs& a) {
  const Factor factor = Factor::broadcast(a.scale);
  const Ints zero_point = Ints::broadcast(a.zero_point);
  for_each_vector(a, [&](const std::int8_t* x, float* y) {
    TFSPARSE_UNROLL
    for (int i = 0; i < 4; ++i) {
      Floats::of_codes(x + i * Quads::kLanes, zero_point, factor).store(y + i * Quads::kLanes);
    }
  });
}

}  // namespace
}  // namespace int8
}  // namespace tfsparse
