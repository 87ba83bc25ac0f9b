// Memory that detects reads and writes out of bounds.
#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <random>
#include <type_traits>
#include <vector>

#include "delegate/kernels/kernels.h"
#include "tests/delegate/kernels/half.h"

namespace tfsparse {
namespace testing {

// The value of memory that must not be read, and of memory that must not be written: NaN and a
// number that no kernel computes, or a fixed byte.
template <class T>
T poison() {
  if constexpr (std::is_integral_v<T>) {
    return T(-86);
  } else {
    return T(NAN);
  }
}
template <class T>
T guard() {
  if constexpr (std::is_integral_v<T>) {
    return T(-86);
  } else {
    return T(-12345.678f);
  }
}

// Numbers followed by `slack` NaNs and then an inaccessible page. Reading the page crashes, and a
// NaN that is used shows in the result.
template <class T>
class GuardedInput {
 public:
  explicit GuardedInput(std::size_t size, std::size_t slack = kOverread) : size_(size) {
    const std::size_t page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
    const std::size_t bytes = (size + slack) * sizeof(T);
    mapped_ = (bytes + page - 1) / page * page + page;
    void* memory =
        mmap(nullptr, mapped_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) std::abort();
    base_ = static_cast<char*>(memory);
    if (mprotect(base_ + mapped_ - page, page, PROT_NONE) != 0) std::abort();
    data_ = reinterpret_cast<T*>(base_ + mapped_ - page - bytes);
    for (std::size_t i = 0; i < size + slack; ++i) data_[i] = poison<T>();
  }
  ~GuardedInput() { munmap(base_, mapped_); }
  GuardedInput(const GuardedInput&) = delete;
  GuardedInput& operator=(const GuardedInput&) = delete;

  T* data() { return data_; }
  std::size_t size() const { return size_; }
  T& operator[](std::size_t i) { return data_[i]; }

 private:
  std::size_t size_, mapped_;
  char* base_;
  T* data_;
};

// Holds exactly a vector's elements: reading behind the last crashes.
template <class T>
class GuardedCopy {
 public:
  explicit GuardedCopy(const std::vector<T>& v)
      : floats_((v.size() * sizeof(T) + sizeof(float) - 1) / sizeof(float), 0),
        first_(reinterpret_cast<char*>(floats_.data() + floats_.size()) - v.size() * sizeof(T)) {
    if (!v.empty()) std::memcpy(first_, v.data(), v.size() * sizeof(T));
  }
  const T* data() const { return reinterpret_cast<const T*>(first_); }

 private:
  GuardedInput<float> floats_;
  char* first_;
};

// Numbers between two guard zones that a kernel must not write.
template <class T>
class GuardedOutput {
 public:
  explicit GuardedOutput(std::size_t size) : memory_(size + 2 * kZone, guard<T>()) {}
  T* data() { return memory_.data() + kZone; }
  std::size_t size() const { return memory_.size() - 2 * kZone; }
  T& operator[](std::size_t i) { return data()[i]; }
  // Whether a guard value is unchanged.
  static bool untouched(T v) { return v == guard<T>(); }
  bool zones_untouched() const {
    return std::all_of(memory_.begin(), memory_.begin() + kZone, untouched) &&
           std::all_of(memory_.end() - kZone, memory_.end(), untouched);
  }

 private:
  static constexpr int kZone = 64;
  std::vector<T> memory_;
};

class Random {
 public:
  explicit Random(unsigned seed) : engine_(seed) {}
  int between(int first, int last) {
    return std::uniform_int_distribution<int>(first, last)(engine_);
  }
  bool chance(double p) { return std::bernoulli_distribution(p)(engine_); }
  float normal() { return std::normal_distribution<float>()(engine_); }
  // Normally distributed in float32. In float16, multiples of 1/4 up to 2: sums of products are
  // then exact in any order, and only the kernel's other operations round.
  template <class T>
  float number() {
    return std::is_same_v<T, Half> ? 0.25f * between(-8, 8) : normal();
  }
  template <class Buffer>
  void fill(Buffer& buffer) {
    fill<std::decay_t<decltype(buffer[0])>>(buffer);
  }
  template <class T, class Buffer>
  void fill(Buffer& buffer) {
    for (std::size_t i = 0; i < buffer.size(); ++i) buffer[i] = number<T>();
  }
  Epilogue epilogue() {
    Epilogue e;
    e.activation = static_cast<Activation>(between(0, 8));
    e.slope = normal();
    if (chance(0.5)) e.lo = 0.0f;
    if (chance(0.5)) e.hi = 1.0f;
    return e;
  }

 private:
  std::mt19937 engine_;
};

}  // namespace testing
}  // namespace tfsparse
