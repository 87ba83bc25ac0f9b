// Which convolutions use row tiling, and that the results stay the same.
#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "delegate/core/graph/infer.h"
#include "delegate/core/operators/weighted/depthwise_convolution.h"
#include "delegate/core/plan/tiled_nodes.h"
#include "gtest/gtest.h"
#include "tests/delegate/core/graph_builder.h"
#include "tests/delegate/core/run_plan.h"

namespace tfsparse {
namespace {

using testing::build;
using testing::GraphBuilder;
using testing::run;

// Large enough for row tiling: 1 MiB.
constexpr int kSide = 128, kChannels = 16;
const Shape kImage = {1, kSide, kSide, kChannels};

// Small integers, so that sums of some hundred are exact.
std::vector<float> numbers(const Shape& shape) {
  std::vector<float> image(element_count(shape));
  for (std::size_t i = 0; i < image.size(); ++i) image[i] = static_cast<float>(i % 101) - 50;
  return image;
}

int count_in_tiles(const Plan& plan) {
  int count = 0;
  for (const auto& step : plan.steps()) {
    for (const StepPart& part : step->parts) {
      count += part.kernel.find("in row tiles") != std::string::npos;
    }
  }
  return count;
}

// A network of convolutions that each multiply by a number.
struct Scaled : GraphBuilder {
  explicit Scaled(Shape image = kImage) : shape(std::move(image)), x(input(shape)) {}
  int scaled(int from, float scale) { return scaling(from, kChannels, scale); }

  // Checks the results, then returns the number of nodes in row tiling.
  int in_tiles(float expected) {
    const std::unique_ptr<Plan> plan = build(graph);
    std::vector<float> image = numbers(shape);
    const std::vector<float> y = run(plan.get(), image);
    for (float& value : image) value *= expected;
    EXPECT_TRUE(y == image);
    return count_in_tiles(*plan);
  }

  Shape shape;
  int x;  // tensor 0
};

TEST(FindTiledNodes, LinksConvolutionsOfLargeImages) {
  Scaled b;
  b.graph.outputs = {b.scaled(b.scaled(b.x, 2), 4)};
  EXPECT_EQ(b.in_tiles(8), 2);
}

TEST(FindTiledNodes, KeepsSmallImagesWhole) {
  Scaled b({1, kSide / 2, kSide, kChannels});
  b.graph.outputs = {b.scaled(b.scaled(b.x, 2), 4)};
  EXPECT_EQ(b.in_tiles(8), 0);
}

TEST(FindTiledNodes, JoinsNothingBehindAResidual) {
  Scaled b;
  const int sum = b.binary(b.scaled(b.x, 2), b.x, Binary::kAdd);
  b.graph.outputs = {b.scaled(sum, 4)};
  EXPECT_EQ(b.in_tiles(12), 0);
}

TEST(FindTiledNodes, WritesATensorThatIsReadTwice) {
  Scaled b;
  const int y = b.scaled(b.x, 2);
  b.graph.outputs = {b.binary(b.scaled(y, 4), y, Binary::kAdd)};
  EXPECT_EQ(b.in_tiles(10), 0);
}

TEST(FindTiledNodes, WritesAnOutputOfTheGraph) {
  Scaled b;
  const int y = b.scaled(b.x, 2);
  const int z = b.scaled(y, 4);
  b.graph.outputs = {y, z};
  ASSERT_TRUE(infer_shapes(&b.graph).ok());
  for (const auto& joined : find_tiled_nodes(b.graph, sizeof(float))) EXPECT_EQ(joined.size(), 1);
}

TEST(FindTiledNodes, WritesTheInputOfABorderedConvolution) {
  Scaled b;
  const int weights = b.constant({1, 3, 3, kChannels}, std::vector<float>(9 * kChannels, 1));
  Convolution conv;
  conv.window.padding = Padding::kSame;
  b.graph.outputs = {b.node(conv, {b.scaled(b.x, 2), weights}).output};
  ASSERT_TRUE(infer_shapes(&b.graph).ok());
  for (const auto& joined : find_tiled_nodes(b.graph, sizeof(float))) EXPECT_EQ(joined.size(), 1);
}

TEST(FindTiledNodes, DoesNotReadManyWeightsForEachTile) {
  constexpr int kWide = 1024;
  const auto in_tiles = [](int nonzeros) {
    GraphBuilder b;
    std::vector<float> weights(kWide * kWide, 0.0f);
    for (int i = 0; i < nonzeros; ++i) weights[i * (weights.size() / nonzeros)] = 1;
    const int wide = b.constant({kWide, 1, 1, kWide}, weights);
    const int x = b.scaling(b.input({1, 32, 16, kWide}), kWide, 1);
    b.graph.outputs = {b.node(Convolution(), {x, wide}).output};
    return count_in_tiles(*build(b.graph));
  };
  EXPECT_EQ(in_tiles(1000), 2);
  EXPECT_EQ(in_tiles(kWide * kWide / 2), 0);
}

TEST(FindTiledNodes, BeginsWithNoStepThatReadsNeighbours) {
  DepthwiseConvolution sum;
  sum.window.padding = Padding::kSame;
  const auto in_tiles = [&](int size, bool behind_another) {
    GraphBuilder b;
    const int image = b.input(kImage);
    const int x = behind_another ? b.scaling(image, kChannels, 1) : image;
    const std::vector<float> ones(size * size * kChannels, 1);
    const int y = b.node(sum, {x, b.constant({1, size, size, kChannels}, ones)}).output;
    b.graph.outputs = {b.scaling(y, kChannels, 1)};
    return count_in_tiles(*build(b.graph));
  };
  EXPECT_EQ(in_tiles(3, false), 0);
  EXPECT_EQ(in_tiles(3, true), 3);
  EXPECT_EQ(in_tiles(1, false), 2);
}

// The wider the image, the fewer of its rows fit a tile.
TEST(FindTiledNodes, ReadsNeighboursInTilesOfSeveralRowsOnly) {
  constexpr int kHeight = 64;
  bool saw_few = false, saw_many = false;
  for (int width = 64; width < 1 << 16; width += width / 2) {
    GraphBuilder b;
    DepthwiseConvolution sum;
    sum.window.padding = Padding::kSame;
    const int x = b.scaling(b.input({1, kHeight, width, kChannels}), kChannels, 1);
    const int ones = b.constant({1, 3, 3, kChannels}, std::vector<float>(9 * kChannels, 1));
    b.graph.outputs = {b.node(sum, {x, ones}).output};
    ASSERT_TRUE(infer_shapes(&b.graph).ok());
    std::vector<RowWindow> windows;
    for (const Node& node : b.graph.nodes) windows.push_back(row_window(b.graph, node));
    const int rows = plan_row_tiling(windows, sizeof(float)).rows;
    const bool is_large = kHeight * width * kChannels * sizeof(float) >= std::size_t{1000} << 10;
    const auto joined = find_tiled_nodes(b.graph, sizeof(float));
    EXPECT_EQ(joined[1].size() == 2, is_large && rows >= 3) << width << " wide, rows " << rows;
    saw_few = saw_few || (is_large && rows > 0 && rows < 3);
    saw_many = saw_many || (is_large && rows >= 3);
  }
  EXPECT_TRUE(saw_few && saw_many);
}

// The sum of the pixels around each pixel of a kImage, within the image.
std::vector<float> sums_of_3x3(const std::vector<float>& x) {
  std::vector<float> y(x.size(), 0.0f);
  for (int row = 0; row < kSide; ++row) {
    for (int column = 0; column < kSide; ++column) {
      for (int r = std::max(row - 1, 0); r < std::min(row + 2, kSide); ++r) {
        for (int c = std::max(column - 1, 0); c < std::min(column + 2, kSide); ++c) {
          const float* from = &x[(r * kSide + c) * kChannels];
          float* to = &y[(row * kSide + column) * kChannels];
          for (int channel = 0; channel < kChannels; ++channel) to[channel] += from[channel];
        }
      }
    }
  }
  return y;
}

// Each tile needs a row of the tile before it, which moves to the front of the memory.
TEST(RowTiling, ComputesNoRowTwice) {
  GraphBuilder b;
  DepthwiseConvolution sum;
  sum.window.padding = Padding::kSame;
  const int ones = b.constant({1, 3, 3, kChannels}, std::vector<float>(9 * kChannels, 1));
  int y = b.scaling(b.input(kImage), kChannels, 1);
  for (int i = 0; i < 3; ++i) y = b.node(sum, {y, ones}).output;
  b.graph.outputs = {y};

  static int computed;  // rows of channel planes
  computed = 0;
  Kernels counting = best_kernels();
  counting.depthwise = [](const DepthwiseArgs& args) {
    computed += args.out_h * args.planes;
    best_kernels().depthwise(args);
  };
  std::unique_ptr<Plan> plan;
  ASSERT_TRUE(Plan::build(b.graph, counting, 1, &plan).ok());
  EXPECT_EQ(count_in_tiles(*plan), 4);
  const std::vector<float> image = numbers(kImage);
  EXPECT_TRUE(run(plan.get(), image) == sums_of_3x3(sums_of_3x3(sums_of_3x3(image))));
  EXPECT_EQ(computed, 3 * kSide * kChannels);
}

}  // namespace
}  // namespace tfsparse
