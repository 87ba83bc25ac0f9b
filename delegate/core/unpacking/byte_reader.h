// Reads numbers from bytes that may end anywhere.
#pragma once

#include <cstddef>
#include <cstdint>

namespace tfsparse {

// Numbers are little-endian. A method returns whether the bytes had what it reads.
class ByteReader {
 public:
  ByteReader(const std::uint8_t* data, std::size_t size) : next_(data), left_(size) {}

  std::size_t left() const { return left_; }

  bool bytes(std::uint64_t size, const std::uint8_t** data) {
    if (size > left_) return false;
    *data = next_;
    next_ += size;
    left_ -= static_cast<std::size_t>(size);
    return true;
  }

  template <class Number>
  bool number(Number* value) {
    const std::uint8_t* from = nullptr;
    if (!bytes(sizeof(Number), &from)) return false;
    *value = load<Number>(from);
    return true;
  }

  // Seven bits a byte, the lowest first; the highest bit says that another byte follows.
  bool varint(std::uint64_t* value) {
    *value = 0;
    for (int shift = 0; shift < 63; shift += 7) {
      std::uint8_t byte = 0;
      if (!number(&byte)) return false;
      *value |= std::uint64_t{byte & 0x7Fu} << shift;
      if (byte < 0x80) return true;
    }
    return false;
  }

  template <class Number>
  static Number load(const std::uint8_t* from) {
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < sizeof(Number); ++i) value |= std::uint64_t{from[i]} << (8 * i);
    return static_cast<Number>(value);
  }

 private:
  const std::uint8_t* next_;
  std::size_t left_;
};

}  // namespace tfsparse
