// The memory of activations: one block, planned once, in which tensors that never live at the same
// time share addresses.
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "delegate/core/elements.h"
#include "delegate/kernels/kernels.h"

namespace tfsparse {

constexpr std::size_t kAlignment = 64;  // bytes: a cache line, and the widest vector

// Zeroed elements at a cache line's start. Zeroed, because kernels read past the end of runs and a
// leftover denormal there would slow them down.
class Buffer {
 public:
  Buffer() = default;
  Buffer(std::size_t count, std::size_t element_bytes);
  ~Buffer();
  Buffer(Buffer&& other) noexcept;
  Buffer& operator=(Buffer&& other) noexcept;

  Elements data() const { return data_; }
  std::size_t bytes() const { return bytes_; }

 private:
  void* block_ = nullptr;
  Elements data_;
  std::size_t bytes_ = 0;
};

// Constants as the kernels read them.
Buffer to_elements(const std::vector<float>& values, const Kernels& kernels);

// A tensor's need: its elements, and the first and last step that touch it.
struct Lifetime {
  std::size_t elements;
  int first_step;
  int last_step;
};

struct ArenaPlan {
  std::vector<std::size_t> offsets;  // of each lifetime, in elements
  std::size_t elements = 0;          // of the whole arena
};

// Places the largest tensors first, each at the lowest address where nothing that lives at the same
// time lies (Pisarchyk and Lee 2020, "Efficient Memory Management for Deep Neural Net Inference").
ArenaPlan plan_arena(const std::vector<Lifetime>& lifetimes);

}  // namespace tfsparse
