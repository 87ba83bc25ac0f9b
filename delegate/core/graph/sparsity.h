// TFLite's encoding of sparse constants, and its decoder.
//
// The encoding ("SparsityParameters" in TFLite's schema) defines an order of traversal over the
// dimensions. A level of it is either dense or compressed (CSR). A dense level has all its indices.
// In a compressed level, each position of the level above has a range of `indices`, bounded by
// `segments`. A dimension may be split into blocks, which add inner levels.
#pragma once

#include <cstddef>
#include <vector>

#include "delegate/core/graph/shape.h"
#include "delegate/core/graph/status.h"

namespace tfsparse {

struct SparseLevel {
  bool compressed = false;
  int dense_size = 0;         // of a dense level
  std::vector<int> segments;  // of a compressed level
  std::vector<int> indices;
};

struct SparseEncoding {
  std::vector<int> traversal_order;  // level -> dimension; rank + k is block k
  std::vector<int> block_map;        // k -> the dimension split by block k
  std::vector<SparseLevel> levels;
};

// Computes the row-major index in the dense tensor of each stored value: value i belongs at
// (*positions)[i]. Fails on any inconsistent encoding, without access out of bounds: sizes, orders,
// segments, indices and `value_count` must agree with each other and with `shape`.
Status locate_values(const SparseEncoding& encoding, const Shape& shape, std::size_t value_count,
                     std::vector<std::size_t>* positions);

}  // namespace tfsparse
