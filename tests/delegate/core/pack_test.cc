// Packing keeps all weights and groups similar rows into blocks.
#include "delegate/core/weights/pack.h"

#include <algorithm>
#include <vector>

#include "delegate/core/weights/product.h"
#include "gtest/gtest.h"
#include "tests/delegate/core/buffers.h"

namespace tfsparse {
namespace {

using testing::Random;

std::vector<float> random_matrix(Random& random, int rows, int depth, double density) {
  std::vector<float> dense(rows * depth, 0.0f);
  for (float& value : dense) {
    if (random.chance(density)) value = 1.0f + random.normal();
  }
  return dense;
}

std::vector<float> unpack(const std::vector<RowBlocks>& found, const std::vector<float>& dense,
                          int rows, int depth, int offset_step) {
  std::vector<Tap> taps;
  for (int column = 0; column < depth; ++column) taps.push_back({column, column * offset_step});
  std::vector<float> result(rows * depth, 0.0f);
  for (const RowBlocks& blocks : found) {
    const SparseBlocks packed = pack_blocks(dense, depth, blocks, taps, best_kernels());
    for (int block = 0; block < packed.blocks(); ++block) {
      SpmmArgs args{};
      packed.describe(block, block + 1, &args);
      EXPECT_EQ(args.blocks, 1);
      const auto* values = static_cast<const float*>(args.values);
      for (int i = 0; i < args.nnz[0]; ++i) {
        const int offset = args.narrow_offsets ? args.narrow_offsets[i] : args.wide_offsets[i];
        for (int c = 0; c < args.block; ++c) {
          result[args.channels[c] * depth + offset / offset_step] = values[i * args.block + c];
        }
      }
    }
  }
  return result;
}

TEST(PackBlocks, KeepsEveryWeight) {
  Random random(1);
  for (int i = 0; i < 200; ++i) {
    const int rows = random.between(1, 30), depth = random.between(1, 40);
    const auto dense = random_matrix(random, rows, depth, random.between(0, 4) * 0.25);
    const auto found = find_blocks(dense, rows, depth);
    // Offsets that fit 16 bits and offsets that do not.
    EXPECT_EQ(unpack(found, dense, rows, depth, 1), dense);
    EXPECT_EQ(unpack(found, dense, rows, depth, 10000), dense);
    std::vector<std::int32_t> all;
    for (const RowBlocks& blocks : found) {
      EXPECT_EQ(blocks.rows.size() % blocks.block, 0);
      all.insert(all.end(), blocks.rows.begin(), blocks.rows.end());
    }
    std::sort(all.begin(), all.end());
    ASSERT_EQ(static_cast<int>(all.size()), rows);
    for (int row = 0; row < rows; ++row) EXPECT_EQ(all[row], row);
  }
}

// Kernels read two pixels ahead, and pixel 0 may be before a padded input.
TEST(PackBlocks, ReadsAheadWhereATapIs) {
  const std::vector<Tap> taps = {{0, 70000}, {1, 70004}};
  const SparseBlocks packed = pack_blocks({0, 2}, 2, {1, {0}}, taps, best_kernels());
  ASSERT_EQ(packed.nnz, std::vector<std::int32_t>{1});
  EXPECT_EQ(packed.wide_offsets, (std::vector<std::int32_t>{70004, 70000, 70000}));
}

TEST(PackRows, FillsGroupsWithZerosAtColumnsThatTheRowReads) {
  const SparseRows packed = pack_rows({1, 0, 2, 0, 0, 0, 0, 3, 0}, 3, 3, best_kernels());
  EXPECT_EQ(packed.row_nnz, (std::vector<std::int32_t>{kRowGroup, 0, kRowGroup}));
  std::vector<float> values(2 * kRowGroup, 0.0f);
  std::vector<std::uint16_t> offsets(2 * kRowGroup, 2);
  values[0] = 1, values[1] = 2, offsets[0] = 0;
  values[kRowGroup] = 3;
  std::fill(offsets.begin() + kRowGroup, offsets.end(), 1);
  const auto* packed_values =
      static_cast<const float*>(static_cast<const void*>(packed.values.data()));
  EXPECT_EQ(std::vector<float>(packed_values, packed_values + values.size()), values);
  EXPECT_EQ(packed.narrow_offsets, offsets);
}

TEST(PackRows, KeepsWideOffsets) {
  std::vector<float> dense(70000, 0.0f);
  dense.back() = 1;
  const SparseRows packed = pack_rows(dense, 1, 70000, best_kernels());
  EXPECT_EQ(packed.wide_offsets, std::vector<std::int32_t>(kRowGroup, 69999));
  SparseRowsArgs args{};
  packed.describe(0, 1, &args);
  EXPECT_EQ(args.narrow_offsets, nullptr);
}

TEST(ConsecutiveBlocks, KeepTheOrderOfRows) {
  Random random(2);
  for (int rows = 1; rows < 12; ++rows) {
    const auto dense = random_matrix(random, rows, 5, 0.8);
    const auto blocks = consecutive_blocks(rows);
    EXPECT_EQ(unpack(blocks, dense, rows, 5, 1), dense);
    std::vector<std::int32_t> all;
    for (const RowBlocks& some : blocks) all.insert(all.end(), some.rows.begin(), some.rows.end());
    EXPECT_EQ(static_cast<int>(all.size()), rows);
    EXPECT_TRUE(std::is_sorted(all.begin(), all.end()));
    EXPECT_EQ(static_cast<int>(blocks.size()), (rows >= 4) + (rows % 4 >= 2) + rows % 2);
  }
}

// Shuffled rows with a common pattern, and two others.
TEST(FindBlocks, GroupsRowsWithTheSameNonzerosWhereverTheyAre) {
  const int kDepth = 6;
  const std::vector<std::vector<int>> rows = {{0, 2}, {1, 5}, {0, 2},    {3, 4}, {0, 2},
                                              {0, 2}, {1, 5}, {1, 3, 4}, {0, 2}};
  std::vector<float> dense(rows.size() * kDepth, 0.0f);
  for (std::size_t row = 0; row < rows.size(); ++row) {
    for (int column : rows[row]) dense[row * kDepth + column] = 1.0f;
  }
  const auto found = find_blocks(dense, static_cast<int>(rows.size()), kDepth);
  ASSERT_EQ(found.size(), 3);
  EXPECT_EQ(found[0].block, 4);
  EXPECT_EQ(found[0].rows.size(), 4);
  for (std::int32_t row : found[0].rows) EXPECT_EQ(rows[row], (std::vector<int>{0, 2}));
  EXPECT_EQ(found[1].block, 2);
  EXPECT_EQ(found[1].rows, (std::vector<std::int32_t>{1, 6}));
  EXPECT_EQ(found[2].block, 1);
  EXPECT_EQ(found[2].rows, (std::vector<std::int32_t>{3, 7, 8}));
}

TEST(FindBlocks, LeavesUnstructuredRowsSingle) {
  Random random(2);
  const auto found = find_blocks(random_matrix(random, 64, 256, 0.2), 64, 256);
  ASSERT_EQ(found.size(), 1);
  EXPECT_EQ(found[0].block, 1);
}

TEST(RangeOf, SharesCoverEverythingOnce) {
  for (int total : {0, 1, 5, 16, 1000}) {
    for (int count : {1, 2, 3, 7}) {
      int at = 0;
      for (int i = 0; i < count; ++i) {
        const Range range = range_of({i, count}, total);
        EXPECT_EQ(range.begin, at);
        EXPECT_GE(range.end, at);
        at = range.end;
      }
      EXPECT_EQ(at, total);
    }
  }
}

TEST(CheckOffsets, RefusesOffsetsThatKernelsCannotAddress) {
  EXPECT_TRUE(check_offsets(1 << 20, 1 << 10).ok());
  EXPECT_TRUE(check_offsets(0, 1 << 30).ok());
  const Status status = check_offsets((1 << 26) + 2, 16);
  EXPECT_EQ(status.message().find("67108866 input planes of 16 elements"), 0);
  EXPECT_FALSE(check_offsets(1 << 16, 1 << 16).ok());  // 2^32
}

}  // namespace
}  // namespace tfsparse
