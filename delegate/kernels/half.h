// Float16, as its bits.
#pragma once

#include <cstdint>
#include <cstring>

namespace tfsparse {
namespace {

// Float16 to float32, every value, subnormals and NaN included.
inline float widen(std::uint16_t half) {
  const std::uint32_t sign = static_cast<std::uint32_t>(half & 0x8000) << 16;
  const std::uint32_t magnitude = half & 0x7fff;
  // Put exponent and mantissa in float32's places, then correct the exponent's bias by a product,
  // which also normalises the subnormals.
  std::uint32_t bits = magnitude << 13;
  float value;
  std::memcpy(&value, &bits, sizeof value);
  value *= 0x1p112f;
  std::memcpy(&bits, &value, sizeof bits);
  if (magnitude >= 0x7c00) bits |= 0x7f800000;  // infinity and NaN keep the largest exponent
  bits |= sign;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}

}  // namespace
}  // namespace tfsparse
