// Which convolutions use row tiling, and that the results stay the same.
#include <string>
#include <vector>

#include "delegate/core/graph/infer.h"
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

// A network of convolutions that each multiply by a number.
struct Scaled : GraphBuilder {
  int x = input(kImage);  // tensor 0
  int scaled(int from, float scale) { return scaling(from, kChannels, scale); }

  // Checks the results, then returns the number of nodes in row tiling.
  int in_tiles(float expected) {
    const std::unique_ptr<Plan> plan = build(graph);
    std::vector<float> image(element_count(kImage));
    for (std::size_t i = 0; i < image.size(); ++i) image[i] = static_cast<float>(i % 101) - 50;
    const std::vector<float> y = run(plan.get(), image);
    for (std::size_t i = 0; i < y.size(); ++i) {
      EXPECT_EQ(y[i], expected * image[i]) << "at " << i;
      if (y[i] != expected * image[i]) break;
    }
    int count = 0;
    for (const auto& step : plan->steps()) {
      for (const StepPart& part : step->parts) {
        count += part.kernel.find("in row tiles") != std::string::npos;
      }
    }
    return count;
  }
};

TEST(FindTiledNodes, LinksConvolutionsOfLargeImages) {
  Scaled b;
  b.graph.outputs = {b.scaled(b.scaled(b.x, 2), 4)};
  EXPECT_EQ(b.in_tiles(8), 2);
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

}  // namespace
}  // namespace tfsparse
