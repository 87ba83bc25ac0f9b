// Which of a list of instruction sets the CPU has. Not for the files that are compiled for one set:
// a template may be linked from any of them.
#pragma once

#include <cstddef>
#include <cstring>
#include <vector>

namespace tfsparse {

// The kernels of one instruction set, if the CPU has it. `Set` has `kernels` and `supported()`.
template <class Set, std::size_t kCount>
auto find_supported(const Set (&sets)[kCount], const char* name) -> decltype(sets[0].kernels) {
  for (const Set& set : sets) {
    if (std::strcmp(name, set.kernels->name) == 0) return set.supported() ? set.kernels : nullptr;
  }
  return nullptr;
}

// Those of all instruction sets that the CPU has, in their order.
template <class Set, std::size_t kCount>
auto all_supported(const Set (&sets)[kCount]) -> std::vector<decltype(Set::kernels)> {
  std::vector<decltype(Set::kernels)> supported;
  for (const Set& set : sets) {
    if (set.supported()) supported.push_back(set.kernels);
  }
  return supported;
}

}  // namespace tfsparse
