// The memory of activations: one block with a static plan. Tensors with disjoint lifetimes share
// addresses.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <vector>

#include "delegate/core/plan/elements.h"
#include "delegate/kernels/int8/kernels.h"
#include "delegate/kernels/kernels.h"

namespace tfsparse {

constexpr std::size_t kAlignment = 64;  // bytes: a cache line, the widest vector

// Zeroed elements, aligned to a cache line, with as much behind them as any kernel reads past the
// end of a run. Leftover denormals there would slow kernels down.
class Buffer {
 public:
  Buffer() = default;
  // If memory is short, the first constructor fails as `operator new` does, and data() of the
  // second is null.
  Buffer(std::uint64_t count, std::size_t element_bytes);
  Buffer(std::uint64_t count, std::size_t element_bytes, std::nothrow_t);
  ~Buffer();
  Buffer(Buffer&& other) noexcept;
  Buffer& operator=(Buffer&& other) noexcept;

  PaddedElements data() const { return data_; }
  // Without those behind the end.
  std::size_t bytes() const { return bytes_; }

 private:
  void* block_ = nullptr;
  std::size_t block_bytes_ = 0;
  PaddedElements data_;
  std::size_t bytes_ = 0;
};

// The content of a float32 buffer.
inline float* floats(const Buffer& buffer) {
  return static_cast<float*>(static_cast<void*>(buffer.data()));
}

// Converts constants to the kernels' type.
Buffer to_elements(const std::vector<float>& values, const Kernels& kernels);

// The size of a tensor, and the first and last step that use it.
struct Lifetime {
  std::uint64_t bytes;
  int first_step;
  int last_step;
};

struct ArenaPlan {
  std::vector<std::uint64_t> offsets;  // by lifetime, in bytes
  std::uint64_t bytes = 0;             // size of the whole arena
};

// Places the largest tensors first, each at the lowest free address during its lifetime (Pisarchyk
// and Lee 2020, "Efficient Memory Management for Deep Neural Net Inference").
ArenaPlan plan_arena(const std::vector<Lifetime>& lifetimes);

}  // namespace tfsparse
