// The decoder of TFLite's sparsity encoding: correct for every kind, safe on any input.
#include "delegate/core/graph/sparsity.h"

#include <random>

#include "gtest/gtest.h"

using tfsparse::locate_values;
using tfsparse::Shape;
using tfsparse::SparseEncoding;
using Positions = std::vector<std::size_t>;

namespace {

// [[0, 7, 0, 0], [5, 0, 0, 6], [0, 0, 0, 0]] by rows.
SparseEncoding by_rows() {
  SparseEncoding encoding;
  encoding.traversal_order = {0, 1};
  encoding.levels = {{false, 3, {}, {}}, {true, 0, {0, 1, 3, 3}, {1, 0, 3}}};
  return encoding;
}

TEST(LocateValues, Rows) {
  Positions positions;
  EXPECT_TRUE(locate_values(by_rows(), {3, 4}, 3, &positions).ok());
  EXPECT_EQ(positions, (Positions{1, 4, 7}));
}

TEST(LocateValues, Columns) {
  SparseEncoding encoding;
  encoding.traversal_order = {1, 0};
  encoding.levels = {{false, 4, {}, {}}, {true, 0, {0, 1, 2, 2, 3}, {1, 0, 1}}};
  Positions positions;
  EXPECT_TRUE(locate_values(encoding, {3, 4}, 3, &positions).ok());
  EXPECT_EQ(positions, (Positions{4, 1, 7}));
}

// A 4 x 4 matrix in blocks of 2 x 2. The upper right and the lower left one are stored.
SparseEncoding by_blocks() {
  SparseEncoding encoding;
  encoding.traversal_order = {0, 1, 2, 3};
  encoding.block_map = {0, 1};
  encoding.levels = {
      {false, 2, {}, {}}, {true, 0, {0, 1, 2}, {1, 0}}, {false, 2, {}, {}}, {false, 2, {}, {}}};
  return encoding;
}

TEST(LocateValues, Blocks) {
  Positions positions;
  EXPECT_TRUE(locate_values(by_blocks(), {4, 4}, 8, &positions).ok());
  EXPECT_EQ(positions, (Positions{2, 3, 6, 7, 8, 9, 12, 13}));
}

TEST(LocateValues, AllDenseAndEmpty) {
  SparseEncoding encoding;
  encoding.traversal_order = {0, 1};
  encoding.levels = {{false, 2, {}, {}}, {false, 2, {}, {}}};
  Positions positions;
  EXPECT_TRUE(locate_values(encoding, {2, 2}, 4, &positions).ok());
  EXPECT_EQ(positions, (Positions{0, 1, 2, 3}));
  encoding.levels[1] = {true, 0, {0, 0, 0}, {}};
  EXPECT_TRUE(locate_values(encoding, {2, 2}, 0, &positions).ok());
  EXPECT_TRUE(positions.empty());
}

template <typename Change>
bool refuses(Change change, Shape shape = {3, 4}, std::size_t values = 3) {
  SparseEncoding encoding = by_rows();
  change(&encoding);
  Positions positions;
  return !locate_values(encoding, shape, values, &positions).ok();
}

TEST(LocateValues, RefusesContradictions) {
  EXPECT_TRUE(refuses([](SparseEncoding* e) { e->levels[1].indices[2] = 4; }));
  EXPECT_TRUE(refuses([](SparseEncoding* e) { e->levels[1].indices[2] = -1; }));
  EXPECT_TRUE(refuses([](SparseEncoding* e) { e->levels[1].indices[2] = 0; }));  // a repeated index
  EXPECT_TRUE(refuses([](SparseEncoding* e) { e->levels[1].segments = {0, 3, 1, 3}; }));
  EXPECT_TRUE(refuses([](SparseEncoding* e) { e->levels[1].segments = {0, 1, 3, 4}; }));
  EXPECT_TRUE(refuses([](SparseEncoding* e) { e->levels[1].segments = {1, 1, 3, 3}; }, {3, 4}, 2));
  EXPECT_TRUE(refuses([](SparseEncoding* e) { e->levels[1].segments.clear(); }));
  EXPECT_TRUE(refuses([](SparseEncoding* e) { e->levels[0].dense_size = 4; }));
  EXPECT_TRUE(refuses([](SparseEncoding* e) { e->levels.pop_back(); }));
  EXPECT_TRUE(refuses([](SparseEncoding* e) { e->traversal_order = {0, 0}; }));
  EXPECT_TRUE(refuses([](SparseEncoding* e) { e->traversal_order = {0, 2}; }));
  EXPECT_TRUE(refuses([](SparseEncoding* e) { e->block_map = {0}; }));
  EXPECT_TRUE(refuses([](SparseEncoding*) {}, {3, 4}, 2));
  EXPECT_TRUE(refuses([](SparseEncoding*) {}, {3, 4}, 13));
  EXPECT_TRUE(refuses([](SparseEncoding*) {}, {3, -4}));
  EXPECT_TRUE(refuses([](SparseEncoding*) {}, {1 << 20, 1 << 20}));
}

TEST(LocateValues, RefusesBlocksThatDoNotFit) {
  Positions positions;
  EXPECT_FALSE(locate_values(by_blocks(), {5, 4}, 8, &positions).ok());
  SparseEncoding compressed = by_blocks();
  compressed.levels[3] = {true, 2, {0, 1, 2, 3, 4}, {0, 0, 0, 0}};
  EXPECT_FALSE(locate_values(compressed, {4, 4}, 4, &positions).ok());
  SparseEncoding twice;  // splits one dimension twice
  twice.traversal_order = {0, 1, 2, 3};
  twice.block_map = {0, 0};
  twice.levels = {
      {false, 1, {}, {}}, {true, 0, {0, 2}, {0, 1}}, {false, 2, {}, {}}, {false, 2, {}, {}}};
  EXPECT_FALSE(locate_values(twice, {4, 4}, 8, &positions).ok());
}

// A file of a few bytes must not need gigabytes before it is refused.
TEST(LocateValues, NeedsNoMoreMemoryThanStoredValues) {
  SparseEncoding encoding;
  encoding.traversal_order = {0};
  encoding.levels = {{false, 1 << 26, {}, {}}};
  Positions positions;
  EXPECT_FALSE(locate_values(encoding, {1 << 26}, 3, &positions).ok());
  EXPECT_LT(positions.capacity(), 1000);
  encoding.traversal_order = {0, 1};
  encoding.levels = {{false, 1 << 24, {}, {}}, {true, 0, {0, 3}, {0, 1, 2}}};
  EXPECT_FALSE(locate_values(encoding, {1 << 24, 4}, 3, &positions).ok());
  EXPECT_LT(positions.capacity(), 1000);
}

// The decoder either refuses an encoding or returns positions inside the tensor.
TEST(LocateValues, NeverLeavesTheTensor) {
  std::mt19937 random(1);
  const auto any = [&](int limit) { return static_cast<int>(random() % (limit + 2)) - 1; };
  int accepted = 0;
  for (int round = 0; round < 200000; ++round) {
    SparseEncoding encoding = by_rows();
    for (int change = random() % 3; change >= 0; --change) {
      auto& level = encoding.levels[random() % 2];
      switch (random() % 5) {
        case 0:
          if (!level.indices.empty()) level.indices[random() % level.indices.size()] = any(4);
          break;
        case 1:
          if (!level.segments.empty()) level.segments[random() % level.segments.size()] = any(4);
          break;
        case 2:
          level.dense_size = any(4);
          break;
        case 3:
          encoding.traversal_order[random() % 2] = any(2);
          break;
        case 4:
          level.compressed = random() % 2;
          break;
      }
    }
    Positions positions;
    const std::size_t values = random() % 13;
    if (!locate_values(encoding, {3, 4}, values, &positions).ok()) continue;
    ++accepted;
    bool inside = positions.size() == values;
    for (std::size_t position : positions) inside = inside && position < 12;
    EXPECT_TRUE(inside);
  }
  EXPECT_GT(accepted, 100);
}

}  // namespace
