// Float16 as bits.
#pragma once

#include <cstdint>
#include <cstring>

namespace tfsparse {
namespace {

// Converts float16 to float32, including subnormals and NaN.
inline float widen(std::uint16_t half) {
  const std::uint32_t sign = static_cast<std::uint32_t>(half & 0x8000) << 16;
  const std::uint32_t magnitude = half & 0x7fff;
  // Moves exponent and mantissa to float32's positions. A product then corrects the exponent's bias
  // and normalises subnormals.
  std::uint32_t bits = magnitude << 13;
  float value;
  std::memcpy(&value, &bits, sizeof value);
  value *= 0x1p112f;
  std::memcpy(&bits, &value, sizeof bits);
  if (magnitude >= 0x7c00) bits |= 0x7f800000;  // infinity and NaN keep the maximal exponent
  bits |= sign;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}

}  // namespace
}  // namespace tfsparse
