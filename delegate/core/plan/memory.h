// The memory of activations: one block, planned once, in which tensors that never live at the same
// time share addresses.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <vector>

#include "delegate/core/plan/elements.h"
#include "delegate/kernels/kernels.h"

namespace tfsparse {

constexpr std::size_t kAlignment = 64;  // bytes: a cache line, and the widest vector

// Zeroed elements at a cache line's start, and kOverread more behind them. Zeroed, because kernels
// read past the end of runs and a leftover denormal there would slow them down.
class Buffer {
 public:
  Buffer() = default;
  // Where there is no memory for so many, the first fails as `operator new` does, and data() of the
  // second is null.
  Buffer(std::uint64_t count, std::size_t element_bytes);
  Buffer(std::uint64_t count, std::size_t element_bytes, std::nothrow_t);
  ~Buffer();
  Buffer(Buffer&& other) noexcept;
  Buffer& operator=(Buffer&& other) noexcept;

  PaddedElements data() const { return data_; }
  // Without the elements behind the last.
  std::size_t bytes() const { return bytes_; }

 private:
  void* block_ = nullptr;
  std::size_t block_bytes_ = 0;
  PaddedElements data_;
  std::size_t bytes_ = 0;
};

// What a buffer of float32 holds.
inline float* floats(const Buffer& buffer) {
  return static_cast<float*>(static_cast<void*>(buffer.data()));
}

// Constants as the kernels read them.
Buffer to_elements(const std::vector<float>& values, const Kernels& kernels);

// A tensor's need: its elements, and the first and last step that touch it.
struct Lifetime {
  std::uint64_t elements;
  int first_step;
  int last_step;
};

struct ArenaPlan {
  std::vector<std::uint64_t> offsets;  // of each lifetime, in elements
  std::uint64_t elements = 0;          // of the whole arena
};

// Taps the largest tensors first, each at the lowest address where nothing that lives at the same
// time lies (Pisarchyk and Lee 2020, "Efficient Memory Management for Deep Neural Net Inference").
ArenaPlan plan_arena(const std::vector<Lifetime>& lifetimes);

}  // namespace tfsparse
