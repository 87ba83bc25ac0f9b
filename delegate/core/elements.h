// Elements: numbers in the type that a table of kernels computes with, which only the kernels know.
#pragma once

#include <cstddef>
#include <cstring>

namespace tfsparse {

// A pointer to elements, which counts in them: the core knows how long they are and nothing else.
class Elements {
 public:
  Elements() = default;
  Elements(void* first, std::size_t element_bytes)
      : first_(static_cast<char*>(first)), element_bytes_(element_bytes) {}

  Elements operator+(std::ptrdiff_t count) const {
    return {first_ + count * static_cast<std::ptrdiff_t>(element_bytes_), element_bytes_};
  }
  operator void*() const { return first_; }
  std::size_t element_bytes() const { return element_bytes_; }

 private:
  char* first_ = nullptr;
  std::size_t element_bytes_ = sizeof(float);
};

// Copies `count` elements; the two places may overlap.
inline void copy(Elements from, Elements to, std::size_t count) {
  std::memmove(to, from, count * from.element_bytes());
}

}  // namespace tfsparse
