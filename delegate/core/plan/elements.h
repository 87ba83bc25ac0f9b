// Elements: numbers in the type that a table of kernels computes with, which only the kernels know.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "delegate/kernels/kernels.h"

namespace tfsparse {

// A pointer to elements, which counts in them: the core knows how long they are and nothing else.
// Whatever lies behind the last may not be touched: they may be the caller's.
class Elements {
 public:
  Elements() = default;
  Elements(void* first, std::size_t element_bytes)
      : first_(static_cast<char*>(first)), element_bytes_(element_bytes) {}

  // By integers: an empty tensor may be longer between its planes than there are addresses, and
  // nothing is read there.
  Elements operator+(std::ptrdiff_t count) const {
    const auto bytes = static_cast<std::uintptr_t>(count) * element_bytes_;
    return {reinterpret_cast<void*>(reinterpret_cast<std::uintptr_t>(first_) + bytes),
            element_bytes_};
  }
  operator void*() const { return first_; }
  std::size_t element_bytes() const { return element_bytes_; }

 private:
  char* first_ = nullptr;
  std::size_t element_bytes_ = sizeof(float);
};

// Elements of a Buffer, behind which kOverread more can be read: what the kernels of convolutions
// take.
class PaddedElements : public Elements {
 public:
  PaddedElements() = default;

  PaddedElements operator+(std::ptrdiff_t count) const {
    return PaddedElements(Elements::operator+(count));
  }
  template <class T>
  operator Padded<T>() const {
    return Padded<T>(static_cast<T*>(static_cast<const Elements&>(*this)));
  }

 private:
  friend class Buffer;
  explicit PaddedElements(Elements elements) : Elements(elements) {}
};

// Copies `count` elements; the two may overlap.
inline void copy(Elements from, Elements to, std::size_t count) {
  std::memmove(to, from, count * from.element_bytes());
}

}  // namespace tfsparse
