// Turns a fuzzer's bytes into numbers. Returns zeros after the last byte.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

namespace tfsparse {
namespace testing {

class Bytes {
 public:
  Bytes(const std::uint8_t* data, std::size_t size) : data_(data), size_(size) {}

  int byte() { return size_ > 0 ? (--size_, *data_++) : 0; }
  // In [0, end).
  int below(int end) { return byte() % end; }
  bool chance(int of_256) { return byte() < of_256; }

  // Usually a small valid number, sometimes any.
  int number(int usual_end) {
    const int kind = byte();
    if (kind < 240) return kind % usual_end;
    std::int32_t any = 0;
    for (int i = 0; i < 4; ++i) any = static_cast<std::int32_t>(any * 256u + byte());
    return kind < 248 ? any : any >> 20;
  }
  std::vector<int> numbers(int count, int usual_end) {
    std::vector<int> values(count);
    for (int& value : values) value = number(usual_end);
    return values;
  }

 private:
  const std::uint8_t* data_;
  std::size_t size_;
};

}  // namespace testing
}  // namespace tfsparse
