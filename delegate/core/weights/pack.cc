#include "delegate/core/weights/pack.h"

#include <algorithm>
#include <limits>
#include <numeric>

namespace tfsparse {
namespace {

// Rows in a block share the union of their taps, so some of its weights are zeros. A block pays if
// the MACs grow by no more than this factor.
constexpr double kMostWork = 1.15;

bool fits_narrow_offset(int offset) { return offset <= std::numeric_limits<std::uint16_t>::max(); }

// The nonzero columns of each row, as bits.
class Patterns {
 public:
  Patterns(const std::vector<float>& dense, int rows, int depth)
      : words_((depth + 63) / 64), bits_(static_cast<std::size_t>(rows) * words_, 0) {
    for (int row = 0; row < rows; ++row) {
      const float* values = dense.data() + static_cast<std::size_t>(row) * depth;
      std::uint64_t* bits = bits_.data() + row * words_;
      for (int column = 0; column < depth; ++column) {
        bits[column / 64] |= static_cast<std::uint64_t>(values[column] != 0.0f) << column % 64;
      }
    }
  }

  // Some order that makes equal rows neighbours.
  bool before(std::int32_t a, std::int32_t b) const {
    return std::lexicographical_compare(row(a), row(a) + words_, row(b), row(b) + words_);
  }

  // Whether `count` rows from `rows` on are similar enough for a block.
  bool are_alike(const std::int32_t* rows, int count) const {
    int taps = 0, work = 0;
    for (std::size_t word = 0; word < words_; ++word) {
      std::uint64_t any = 0;
      for (int i = 0; i < count; ++i) {
        any |= row(rows[i])[word];
        work += __builtin_popcountll(row(rows[i])[word]);
      }
      taps += __builtin_popcountll(any);
    }
    return static_cast<double>(taps) * count <= kMostWork * work;
  }

 private:
  const std::uint64_t* row(std::int32_t i) const { return bits_.data() + i * words_; }

  std::size_t words_;  // per row
  std::vector<std::uint64_t> bits_;
};

}  // namespace

void SparseRows::describe(int first, int last, SparseRowsArgs* args) const {
  const std::size_t begin = row_begin[first];
  args->rows = last - first;
  args->values = values.data() + begin;
  args->narrow_offsets = wide_offsets.empty() ? narrow_offsets.data() + begin : nullptr;
  args->wide_offsets = wide_offsets.empty() ? nullptr : wide_offsets.data() + begin;
  args->row_nnz = row_nnz.data() + first;
}

SparseRows pack_rows(const std::vector<float>& dense, int rows, int depth, const Kernels& kernels) {
  SparseRows packed;
  std::vector<float> values;
  std::vector<std::int32_t> offsets;
  packed.row_begin.push_back(0);
  for (int row = 0; row < rows; ++row) {
    for (int column = 0; column < depth; ++column) {
      const float value = dense[static_cast<std::size_t>(row) * depth + column];
      if (value == 0.0f) continue;
      values.push_back(value);
      offsets.push_back(column);
    }
    while (values.size() % kRowGroup > 0) {
      values.push_back(0.0f);
      offsets.push_back(offsets.back());  // the row reads it anyway
    }
    packed.row_nnz.push_back(static_cast<std::int32_t>(values.size() - packed.row_begin.back()));
    packed.row_begin.push_back(values.size());
  }
  packed.values = to_elements(values, kernels);
  if (fits_narrow_offset(depth - 1)) {
    packed.narrow_offsets.assign(offsets.begin(), offsets.end());
  } else {
    packed.wide_offsets = std::move(offsets);
  }
  return packed;
}

std::vector<RowBlocks> find_blocks(const std::vector<float>& dense, int rows, int depth) {
  const Patterns patterns(dense, rows, depth);
  std::vector<std::int32_t> order(rows);
  std::iota(order.begin(), order.end(), 0);
  // In this order, similar rows are neighbours.
  std::stable_sort(order.begin(), order.end(),
                   [&](std::int32_t a, std::int32_t b) { return patterns.before(a, b); });
  std::vector<RowBlocks> found{{4, {}}, {2, {}}, {1, {}}};
  for (int i = 0; i < rows;) {
    for (RowBlocks& blocks : found) {
      if (i + blocks.block > rows || !patterns.are_alike(order.data() + i, blocks.block)) continue;
      blocks.rows.insert(blocks.rows.end(), order.begin() + i, order.begin() + i + blocks.block);
      i += blocks.block;
      break;
    }
  }
  // Single rows in the outputs' order in memory.
  std::sort(found.back().rows.begin(), found.back().rows.end());
  found.erase(std::remove_if(found.begin(), found.end(),
                             [](const RowBlocks& blocks) { return blocks.rows.empty(); }),
              found.end());
  return found;
}

std::vector<RowBlocks> consecutive_blocks(int rows) {
  std::vector<RowBlocks> all;
  int row = 0;
  for (const int block : {4, 2, 1}) {
    RowBlocks blocks{block, {}};
    for (const int end = rows / block * block; row < end; ++row) blocks.rows.push_back(row);
    if (!blocks.rows.empty()) all.push_back(std::move(blocks));
  }
  return all;
}

Status check_offsets(int planes, std::uint64_t plane) {
  if (planes * plane <= kMaxOffset) return {};
  return Status::error(std::to_string(planes) + " input planes of " + std::to_string(plane) +
                       " elements are more than " + std::to_string(kMaxOffset) +
                       ", which kernels can address");
}

void SparseBlocks::describe(int first, int last, SpmmArgs* args) const {
  args->block = block;
  args->blocks = last - first;
  args->channels = rows.data() + static_cast<std::size_t>(first) * block;
  args->nnz = nnz.data() + first;
  args->values = values.data() + begin[first] * block;
  args->narrow_offsets = wide_offsets.empty() ? narrow_offsets.data() + begin[first] : nullptr;
  args->wide_offsets = wide_offsets.empty() ? nullptr : wide_offsets.data() + begin[first];
}

SparseBlocks pack_blocks(const std::vector<float>& dense, int depth, const RowBlocks& blocks,
                         const std::vector<Tap>& taps, const Kernels& kernels) {
  SparseBlocks packed;
  packed.block = blocks.block;
  packed.rows = blocks.rows;
  packed.begin.push_back(0);
  const auto fits = [](const Tap& tap) { return fits_narrow_offset(tap.offset); };
  const bool narrow = kernels.narrow_offsets && std::all_of(taps.begin(), taps.end(), fits);
  std::vector<float> values;
  std::vector<std::int32_t> offsets;
  // Writes every weight and advances at nonzeros only. A branch would be mispredicted at most
  // nonzeros.
  std::size_t count = 0;
  for (std::size_t first = 0; first < blocks.rows.size(); first += blocks.block) {
    const float* rows[4] = {};
    for (int i = 0; i < blocks.block; ++i) {
      rows[i] = dense.data() + static_cast<std::size_t>(blocks.rows[first + i]) * depth;
    }
    values.resize((count + taps.size()) * blocks.block);
    offsets.resize(count + taps.size());
    for (const Tap& tap : taps) {
      bool any = false;
      for (int i = 0; i < blocks.block; ++i) {
        const float value = rows[i][tap.column];
        values[count * blocks.block + i] = value;
        any |= value != 0.0f;
      }
      offsets[count] = tap.offset;
      count += any;
    }
    packed.nnz.push_back(static_cast<std::int32_t>(count - packed.begin.back()));
    packed.begin.push_back(count);
  }
  values.resize(count * blocks.block);
  packed.values = to_elements(values, kernels);
  offsets.resize(count);
  // See SpmmArgs. Pixel 0 of channel 0 may not be readable, so use a tap's offset.
  offsets.resize(count + 2, taps.empty() ? 0 : taps.front().offset);
  if (narrow) {
    packed.narrow_offsets.assign(offsets.begin(), offsets.end());
  } else {
    packed.wide_offsets = std::move(offsets);
  }
  return packed;
}

}  // namespace tfsparse
