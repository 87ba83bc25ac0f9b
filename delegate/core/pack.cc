#include "delegate/core/pack.h"

#include <algorithm>
#include <limits>
#include <numeric>

namespace tfsparse {
namespace {

// A block multiplies by the zeros that some of its rows have where others have none. Up to this
// factor on the work that costs less than what a block saves.
constexpr double kMostWork = 1.15;

using Pattern = std::vector<int>;  // columns that are not zero, ascending

std::vector<Pattern> patterns_of(const std::vector<float>& dense, int rows, int depth) {
  std::vector<Pattern> patterns(rows);
  for (int row = 0; row < rows; ++row) {
    for (int column = 0; column < depth; ++column) {
      if (dense[static_cast<std::size_t>(row) * depth + column] != 0.0f) {
        patterns[row].push_back(column);
      }
    }
  }
  return patterns;
}

// Whether `count` rows from `rows` on are alike enough for a block.
bool are_alike(const std::vector<Pattern>& patterns, const std::int32_t* rows, int count) {
  Pattern all;
  std::size_t work = 0;
  for (int i = 0; i < count; ++i) {
    const Pattern& pattern = patterns[rows[i]];
    Pattern merged;
    std::set_union(all.begin(), all.end(), pattern.begin(), pattern.end(),
                   std::back_inserter(merged));
    all = std::move(merged);
    work += pattern.size();
  }
  return static_cast<double>(all.size()) * count <= kMostWork * static_cast<double>(work);
}

}  // namespace

SparseRows pack_rows(const std::vector<float>& dense, int rows, int depth) {
  SparseRows packed;
  packed.row_begin.push_back(0);
  for (int row = 0; row < rows; ++row) {
    for (int column = 0; column < depth; ++column) {
      const float value = dense[static_cast<std::size_t>(row) * depth + column];
      if (value == 0.0f) continue;
      packed.values.push_back(value);
      packed.columns.push_back(column);
    }
    packed.row_nnz.push_back(
        static_cast<std::int32_t>(packed.values.size() - packed.row_begin.back()));
    packed.row_begin.push_back(packed.values.size());
  }
  return packed;
}

std::vector<RowBlocks> find_blocks(const std::vector<float>& dense, int rows, int depth) {
  const std::vector<Pattern> patterns = patterns_of(dense, rows, depth);
  std::vector<std::int32_t> order(rows);
  std::iota(order.begin(), order.end(), 0);
  // Neighbours in the order of their patterns are the rows most alike.
  std::stable_sort(order.begin(), order.end(),
                   [&](std::int32_t a, std::int32_t b) { return patterns[a] < patterns[b]; });
  std::vector<RowBlocks> found{{4, {}}, {2, {}}, {1, {}}};
  for (int i = 0; i < rows;) {
    for (RowBlocks& blocks : found) {
      if (i + blocks.block > rows || !are_alike(patterns, order.data() + i, blocks.block)) continue;
      blocks.rows.insert(blocks.rows.end(), order.begin() + i, order.begin() + i + blocks.block);
      i += blocks.block;
      break;
    }
  }
  // Single rows in the order in which the outputs lie in memory.
  std::sort(found.back().rows.begin(), found.back().rows.end());
  found.erase(std::remove_if(found.begin(), found.end(),
                             [](const RowBlocks& blocks) { return blocks.rows.empty(); }),
              found.end());
  return found;
}

void SparseBlocks::describe(int first, int last, SpmmArgs* args) const {
  args->block = block;
  args->blocks = last - first;
  args->channels = rows.data() + static_cast<std::size_t>(first) * block;
  args->places = places.data() + first;
  args->values = values.data() + begin[first] * block;
  args->narrow_offsets = wide_offsets.empty() ? narrow_offsets.data() + begin[first] : nullptr;
  args->wide_offsets = wide_offsets.empty() ? nullptr : wide_offsets.data() + begin[first];
}

SparseBlocks pack_blocks(const std::vector<float>& dense, int depth, const RowBlocks& blocks,
                         const std::vector<Tap>& taps) {
  SparseBlocks packed;
  packed.block = blocks.block;
  packed.rows = blocks.rows;
  packed.begin.push_back(0);
  const auto fits = [](const Tap& tap) {
    return tap.offset <= std::numeric_limits<std::uint16_t>::max();
  };
  const bool narrow = std::all_of(taps.begin(), taps.end(), fits);
  for (std::size_t first = 0; first < blocks.rows.size(); first += blocks.block) {
    std::int32_t places = 0;
    for (const Tap& tap : taps) {
      float values[4] = {};
      for (int i = 0; i < blocks.block; ++i) {
        values[i] = dense[static_cast<std::size_t>(blocks.rows[first + i]) * depth + tap.column];
      }
      if (std::all_of(values, values + 4, [](float value) { return value == 0.0f; })) continue;
      packed.values.insert(packed.values.end(), values, values + blocks.block);
      if (narrow) {
        packed.narrow_offsets.push_back(static_cast<std::uint16_t>(tap.offset));
      } else {
        packed.wide_offsets.push_back(tap.offset);
      }
      ++places;
    }
    packed.places.push_back(places);
    packed.begin.push_back(packed.begin.back() + places);
  }
  return packed;
}

std::vector<float> pack_dense(const std::vector<float>& dense, int rows, int depth, int block) {
  const int blocks = (rows + block - 1) / block;
  std::vector<float> packed(static_cast<std::size_t>(blocks) * block * depth, 0.0f);
  for (int row = 0; row < rows; ++row) {
    float* to = packed.data() + static_cast<std::size_t>(row / block) * block * depth + row % block;
    const float* from = dense.data() + static_cast<std::size_t>(row) * depth;
    for (int column = 0; column < depth; ++column) to[column * block] = from[column];
  }
  return packed;
}

}  // namespace tfsparse
