// 64-bit hashes of sequences of fields.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <type_traits>
#include <vector>

#include "delegate/kernels/kernels.h"

namespace tfsparse {

// MurmurHash64A by Austin Appleby, for little-endian processors.
std::uint64_t hash_bytes(const void* data, std::size_t size, std::uint64_t seed);

class Hasher {
 public:
  // Adds numbers, enumerators, strings, epilogues and vectors of int or float.
  template <class... Fields>
  void add(const Fields&... fields) {
    (add_field(fields), ...);
  }
  void bytes(const void* data, std::size_t size) {
    number(static_cast<std::int64_t>(size));  // so that no byte can move to the next field
    state_ = hash_bytes(data, size, state_);
  }
  std::uint64_t state() const { return state_; }

 private:
  void number(std::int64_t value) { state_ = hash_bytes(&value, sizeof value, state_); }
  void add_field(float value) { state_ = hash_bytes(&value, sizeof value, state_); }
  void add_field(const std::string& value) { bytes(value.data(), value.size()); }
  void add_field(const std::vector<int>& values) {
    bytes(values.data(), values.size() * sizeof(int));
  }
  void add_field(const std::vector<float>& values) {
    bytes(values.data(), values.size() * sizeof(float));
  }
  void add_field(const Epilogue& epilogue) {
    add(epilogue.activation, epilogue.slope, epilogue.lo, epilogue.hi);
  }
  template <class T>
  std::enable_if_t<std::is_enum<T>::value || std::is_integral<T>::value> add_field(T value) {
    number(static_cast<std::int64_t>(value));
  }

  std::uint64_t state_ = 0;
};

}  // namespace tfsparse
