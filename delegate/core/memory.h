// The memory of activations: one block, planned once, in which tensors that never live at the same
// time share addresses.
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

namespace tfsparse {

constexpr std::size_t kAlignment = 64;  // bytes: a cache line, and the widest vector

// Zeroed floats at a cache line's start. Zeroed, because kernels read past the end of runs and a
// leftover denormal there would slow them down.
class Buffer {
 public:
  Buffer() = default;
  explicit Buffer(std::size_t floats);
  ~Buffer();
  Buffer(Buffer&& other) noexcept;
  Buffer& operator=(Buffer&& other) noexcept;

  float* data() const { return data_; }
  std::size_t size() const { return size_; }

 private:
  void* block_ = nullptr;
  float* data_ = nullptr;
  std::size_t size_ = 0;
};

// A tensor's need: its floats, and the first and last step that touch it.
struct Lifetime {
  std::size_t floats;
  int first_step;
  int last_step;
};

struct ArenaPlan {
  std::vector<std::size_t> offsets;  // of each lifetime, in floats
  std::size_t floats = 0;            // of the whole arena
};

// Places the largest tensors first, each at the lowest address where nothing that lives at the same
// time lies (Pisarchyk and Lee 2020, "Efficient Memory Management for Deep Neural Net Inference").
ArenaPlan plan_arena(const std::vector<Lifetime>& lifetimes);

}  // namespace tfsparse
