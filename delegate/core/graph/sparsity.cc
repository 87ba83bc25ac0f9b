#include "delegate/core/graph/sparsity.h"

#include <algorithm>
#include <string>

namespace tfsparse {
namespace {

Status bad(const std::string& what) { return Status::error("sparsity metadata: " + what); }

// The traversal: for each level, its length and its stride in the dense tensor.
struct Walk {
  std::vector<std::size_t> strides;
  std::vector<int> sizes;
};

Status check_orders(const SparseEncoding& encoding, std::size_t rank) {
  const std::size_t levels = encoding.levels.size();
  if (levels != rank + encoding.block_map.size() || encoding.traversal_order.size() != levels) {
    return bad("has " + std::to_string(levels) + " levels for a tensor of rank " +
               std::to_string(rank) + " and " + std::to_string(encoding.block_map.size()) +
               " blocks");
  }
  std::vector<bool> seen(levels, false);
  for (int dim : encoding.traversal_order) {
    if (dim < 0 || static_cast<std::size_t>(dim) >= levels || seen[dim]) {
      return bad("traversal order is not a permutation");
    }
    seen[dim] = true;
  }
  std::vector<bool> blocked(rank, false);
  for (int dim : encoding.block_map) {
    if (dim < 0 || static_cast<std::size_t>(dim) >= rank || blocked[dim]) {
      return bad("block map has an invalid or repeated dimension");
    }
    blocked[dim] = true;
  }
  return {};
}

Status plan_walk(const SparseEncoding& encoding, const Shape& shape, Walk* walk) {
  const std::size_t rank = shape.size();
  TFSPARSE_RETURN_IF_ERROR(check_orders(encoding, rank));
  std::vector<std::size_t> level_of(encoding.levels.size());
  for (std::size_t level = 0; level < level_of.size(); ++level) {
    level_of[encoding.traversal_order[level]] = level;
  }

  std::vector<int> size_of(shape);  // of each original dimension; counted in blocks if it is split
  std::vector<std::size_t> stride_of(rank, 1);
  for (std::size_t dim = rank; dim-- > 1;) stride_of[dim - 1] = stride_of[dim] * shape[dim];

  for (std::size_t block = 0; block < encoding.block_map.size(); ++block) {
    const int dim = encoding.block_map[block];
    const SparseLevel& level = encoding.levels[level_of[rank + block]];
    if (level.compressed || level.dense_size <= 0 || shape[dim] % level.dense_size != 0) {
      return bad("block does not divide dimension " + std::to_string(dim));
    }
    size_of.push_back(level.dense_size);
    stride_of.push_back(stride_of[dim]);
    size_of[dim] /= level.dense_size;
    stride_of[dim] *= level.dense_size;
  }

  for (std::size_t level = 0; level < encoding.levels.size(); ++level) {
    const int dim = encoding.traversal_order[level];
    walk->sizes.push_back(size_of[dim]);
    walk->strides.push_back(stride_of[dim]);
    if (!encoding.levels[level].compressed && encoding.levels[level].dense_size != size_of[dim]) {
      return bad("level " + std::to_string(level) + " is " +
                 std::to_string(encoding.levels[level].dense_size) + " long, expected " +
                 std::to_string(size_of[dim]));
    }
  }
  return {};
}

// An upper bound of the positions below the dense levels that start at `level`.
std::size_t stored_below(const SparseEncoding& encoding, std::size_t level,
                         std::size_t value_count) {
  while (level < encoding.levels.size() && !encoding.levels[level].compressed) ++level;
  return level < encoding.levels.size() ? encoding.levels[level].segments.size() : value_count;
}

// Extends the positions by one level. Needs memory for at most `limit` positions, or one for each
// index of the level.
Status descend(const SparseLevel& level, int size, std::size_t stride, std::size_t limit,
               std::vector<std::size_t>* positions) {
  std::vector<std::size_t> next;
  if (!level.compressed) {
    if (positions->size() * size > limit) return bad("describes more values than it stores");
    next.reserve(positions->size() * size);
    for (std::size_t base : *positions) {
      for (int i = 0; i < size; ++i) next.push_back(base + i * stride);
    }
  } else {
    if (level.segments.size() != positions->size() + 1 || level.segments.front() != 0 ||
        static_cast<std::size_t>(level.segments.back()) != level.indices.size()) {
      return bad("segments do not span the indices");
    }
    next.reserve(level.indices.size());
    for (std::size_t row = 0; row < positions->size(); ++row) {
      const int begin = level.segments[row], end = level.segments[row + 1];
      if (begin > end || begin < 0 || static_cast<std::size_t>(end) > level.indices.size()) {
        return bad("segments decrease");
      }
      for (int i = begin; i < end; ++i) {
        const int index = level.indices[i];
        if (index < 0 || index >= size || (i > begin && index <= level.indices[i - 1])) {
          return bad("index " + std::to_string(index) + " is out of order or beyond " +
                     std::to_string(size));
        }
        next.push_back((*positions)[row] + index * stride);
      }
    }
  }
  positions->swap(next);
  return {};
}

}  // namespace

Status locate_values(const SparseEncoding& encoding, const Shape& shape, std::size_t value_count,
                     std::vector<std::size_t>* positions) {
  const std::int64_t elements = element_count(shape);
  if (elements < 0 || value_count > static_cast<std::size_t>(elements)) {
    return bad("holds more values than the tensor " + to_string(shape));
  }
  Walk walk;
  TFSPARSE_RETURN_IF_ERROR(plan_walk(encoding, shape, &walk));
  positions->assign(1, 0);
  for (std::size_t level = 0; level < encoding.levels.size(); ++level) {
    TFSPARSE_RETURN_IF_ERROR(descend(encoding.levels[level], walk.sizes[level], walk.strides[level],
                                     stored_below(encoding, level, value_count), positions));
  }
  if (positions->size() != value_count) {
    return bad("describes " + std::to_string(positions->size()) + " values, the tensor holds " +
               std::to_string(value_count));
  }
  return {};
}

}  // namespace tfsparse
