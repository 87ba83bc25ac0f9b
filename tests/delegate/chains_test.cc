// Which convolutions are computed together, strip by strip of rows, and that they compute the same.
#include "delegate/core/chains.h"

#include <string>
#include <vector>

#include "delegate/core/infer.h"
#include "gtest/gtest.h"
#include "tests/delegate/graph_builder.h"
#include "tests/delegate/run_plan.h"

namespace tfsparse {
namespace {

using testing::build;
using testing::GraphBuilder;
using testing::run;

// Images of it are large enough to be passed on in strips: 1 MiB.
constexpr int kSide = 128, kChannels = 16;
const Shape kImage = {1, kSide, kSide, kChannels};

// A network whose convolutions multiply each number by something.
struct Scaled : GraphBuilder {
  int x = input(kImage);  // tensor 0
  int scaled(int from, float scale) { return scaling(from, kChannels, scale); }

  // How many nodes are computed in strips, once it is seen that all is computed rightly.
  int in_strips(float expected) {
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
        count += part.kernel.find("in strips") != std::string::npos;
      }
    }
    return count;
  }
};

TEST(FindChains, LinksConvolutionsOfLargeImages) {
  Scaled b;
  b.graph.outputs = {b.scaled(b.scaled(b.x, 2), 4)};
  EXPECT_EQ(b.in_strips(8), 2);
}

TEST(FindChains, EndsAChainAtAResidual) {
  Scaled b;
  const int sum = b.binary(b.scaled(b.x, 2), b.x, Binary::kAdd);
  b.graph.outputs = {b.scaled(sum, 4)};
  EXPECT_EQ(b.in_strips(12), 0);
}

TEST(FindChains, WritesWhatIsReadTwice) {
  Scaled b;
  const int y = b.scaled(b.x, 2);
  b.graph.outputs = {b.binary(b.scaled(y, 4), y, Binary::kAdd)};
  EXPECT_EQ(b.in_strips(10), 0);
}

TEST(FindChains, WritesWhatIsAnOutput) {
  Scaled b;
  const int y = b.scaled(b.x, 2);
  const int z = b.scaled(y, 4);
  b.graph.outputs = {y, z};
  ASSERT_TRUE(infer_shapes(&b.graph).ok());
  for (const auto& chain : find_chains(b.graph, sizeof(float))) EXPECT_EQ(chain.size(), 1);
}

TEST(FindChains, WritesWhatABorderedConvolutionReads) {
  Scaled b;
  const int weights = b.constant({1, 3, 3, kChannels}, std::vector<float>(9 * kChannels, 1));
  Convolution conv;
  conv.window.padding = Padding::kSame;
  b.graph.outputs = {b.node(conv, {b.scaled(b.x, 2), weights}).output};
  ASSERT_TRUE(infer_shapes(&b.graph).ok());
  for (const auto& chain : find_chains(b.graph, sizeof(float))) EXPECT_EQ(chain.size(), 1);
}

}  // namespace
}  // namespace tfsparse
