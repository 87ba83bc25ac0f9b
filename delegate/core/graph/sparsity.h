// TFLite's encoding of sparse constants, and its decoder.
//
// The encoding (TFLite's schema, "SparsityParameters") names an order in which the dimensions are
// walked. Each level of that walk is either dense, all its indices present, or compressed (CSR):
// for every position of the level above, `segments` bounds a range of `indices`. A dimension may be
// split in blocks, which add levels of their own behind the original ones.
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
  std::vector<int> traversal_order;  // level -> dimension; rank + k stands for the k-th block
  std::vector<int> block_map;        // k -> the dimension that block k splits
  std::vector<SparseLevel> levels;
};

// Finds for every stored value its index in the dense tensor, row-major: value i belongs at
// (*positions)[i]. Fails, without reading or writing out of bounds, whatever the encoding holds:
// its sizes, orders, segments, indices and `value_count` must agree with each other and `shape`.
Status locate_values(const SparseEncoding& encoding, const Shape& shape, std::size_t value_count,
                     std::vector<std::size_t>* positions);

}  // namespace tfsparse
