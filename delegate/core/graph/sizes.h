// Products of sizes that cannot overflow. A damaged file may contain any sizes.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <limits>

namespace tfsparse {

// Stands for all larger products.
constexpr std::int64_t kHugeSize = std::numeric_limits<std::int64_t>::max();

// The product of sizes that are not negative. 0 if one is 0, kHugeSize if it is too large.
template <class Sizes>
constexpr std::int64_t product_of(const Sizes& sizes) {
  std::int64_t product = 1;
  bool is_empty = false;
  for (std::int64_t size : sizes) {
    is_empty |= size == 0;
    product = size > 0 && product > kHugeSize / size ? kHugeSize : product * size;
  }
  return is_empty ? 0 : product;
}
constexpr std::int64_t product_of(std::initializer_list<std::int64_t> sizes) {
  return product_of<std::initializer_list<std::int64_t>>(sizes);
}

}  // namespace tfsparse
