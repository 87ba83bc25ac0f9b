// Float16 arithmetic by way of float32.
#pragma once

#include <cmath>

#include "delegate/kernels/half.h"

namespace tfsparse {
namespace testing {

// Rounds to the nearest float16, ties to even.
inline std::uint16_t narrow(float x) {
  const float magnitude = std::fabs(x);
  const std::uint16_t sign = std::signbit(x) ? 0x8000 : 0;
  if (std::isnan(x)) return sign | 0x7e00;
  if (magnitude >= 65520.0f) return sign | 0x7c00;  // infinity
  if (magnitude < 0x1p-14f) {                       // subnormal: a multiple of 2^-24
    return static_cast<std::uint16_t>(sign | std::lrint(magnitude * 0x1p24f));
  }
  std::uint32_t bits;
  std::memcpy(&bits, &magnitude, sizeof bits);
  bits += 0xfff + (bits >> 13 & 1);
  return static_cast<std::uint16_t>(sign | ((bits >> 13) - (112 << 10)));
}

class Half {
 public:
  Half() = default;
  explicit Half(float x) : bits_(narrow(x)) {}
  Half& operator=(float x) { return *this = Half(x); }
  Half& operator+=(float x) { return *this = *this + x; }
  operator float() const { return widen(bits_); }

 private:
  std::uint16_t bits_ = 0;
};

// The maximal relative error of rounding to float16.
constexpr double kHalfRounding = 0x1p-11;

}  // namespace testing
}  // namespace tfsparse
