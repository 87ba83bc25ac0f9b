// Tensor shapes, in TFLite's order: NHWC for images.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "delegate/core/graph/sizes.h"

namespace tfsparse {

using Shape = std::vector<int>;

// A tensor with more elements is taken for a damaged file.
constexpr std::int64_t kMaxElements = std::int64_t{1} << 28;

// The product of the dimensions, or -1 if one is negative or the product exceeds kMaxElements.
inline std::int64_t element_count(const Shape& shape) {
  if (std::any_of(shape.begin(), shape.end(), [](int dim) { return dim < 0; })) return -1;
  const std::int64_t count = product_of(shape);
  return count > kMaxElements ? -1 : count;
}

// Whether there is one number for each channel of `tensor`, its last dimension.
inline bool is_one_per_channel(const Shape& numbers, const Shape& tensor) {
  return !numbers.empty() && !tensor.empty() && numbers.back() == tensor.back() &&
         element_count(numbers) == tensor.back();
}

inline std::string to_string(const Shape& shape) {
  std::string text = "[";
  for (std::size_t i = 0; i < shape.size(); ++i) {
    text += (i ? ", " : "") + std::to_string(shape[i]);
  }
  return text + "]";
}

}  // namespace tfsparse
