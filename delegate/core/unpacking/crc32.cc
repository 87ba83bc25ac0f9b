#include "delegate/core/unpacking/crc32.h"

#include <array>

#include "delegate/core/unpacking/byte_reader.h"

namespace tfsparse {
namespace {

constexpr std::uint32_t kPolynomial = 0xEDB88320;  // its bits in reverse, as zlib has them
constexpr int kStep = 8;                           // bytes at a time

// tables[k][b] is the checksum of byte b followed by k zero bytes.
using Tables = std::array<std::array<std::uint32_t, 256>, kStep>;

Tables make_tables() {
  Tables tables{};
  for (std::uint32_t byte = 0; byte < 256; ++byte) {
    std::uint32_t value = byte;
    for (int bit = 0; bit < 8; ++bit) value = (value >> 1) ^ (value & 1 ? kPolynomial : 0);
    tables[0][byte] = value;
  }
  for (int k = 1; k < kStep; ++k) {
    for (std::uint32_t byte = 0; byte < 256; ++byte) {
      const std::uint32_t before = tables[k - 1][byte];
      tables[k][byte] = (before >> 8) ^ tables[0][before & 0xFF];
    }
  }
  return tables;
}

}  // namespace

std::uint32_t crc32(const std::uint8_t* data, std::size_t size) {
  static const Tables tables = make_tables();
  std::uint32_t value = 0xFFFFFFFF;
  for (; size >= kStep; size -= kStep, data += kStep) {
    const std::uint64_t next = ByteReader::load<std::uint64_t>(data) ^ value;
    value = 0;
    for (int k = 0; k < kStep; ++k) value ^= tables[kStep - 1 - k][(next >> (8 * k)) & 0xFF];
  }
  for (; size > 0; --size, ++data) value = (value >> 8) ^ tables[0][(value ^ *data) & 0xFF];
  return ~value;
}

}  // namespace tfsparse
