// Pointers to numbers. Activations are of the type that the float kernels compute with, float32 or
// float16, or they are int8. Only the kernels know the type.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "delegate/kernels/kernels.h"

namespace tfsparse {

// A pointer to elements of a size known at run time. Memory behind the last element must not be
// touched: it may be the caller's.
class Elements {
 public:
  Elements() = default;
  Elements(void* first, std::size_t element_bytes)
      : first_(static_cast<char*>(first)), element_bytes_(element_bytes) {}

  // Integer arithmetic: the plane stride of an empty tensor may exceed the address space. It is
  // never read.
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

// Elements of a Buffer, followed by kOverread readable ones. Kernels of convolutions need these.
class PaddedElements : public Elements {
 public:
  PaddedElements() = default;

  PaddedElements operator+(std::ptrdiff_t count) const {
    return PaddedElements(Elements::operator+(count));
  }
  // The same memory as elements of another size.
  PaddedElements with_element_bytes(std::size_t element_bytes) const {
    return PaddedElements(Elements(static_cast<void*>(*this), element_bytes));
  }
  template <class T>
  operator Padded<T>() const {
    return Padded<T>(static_cast<T*>(static_cast<void*>(*this)));
  }

 private:
  friend class Buffer;
  explicit PaddedElements(Elements elements) : Elements(elements) {}
};

// int8 elements.
inline std::int8_t* bytes(Elements elements) {
  return static_cast<std::int8_t*>(static_cast<void*>(elements));
}

// Copies `count` elements. The ranges may overlap.
inline void copy(Elements from, Elements to, std::size_t count) {
  std::memmove(to, from, count * from.element_bytes());
}

}  // namespace tfsparse
