// A product and a sum with constants of one number per channel become one step.
#include "delegate/core/rewriting/affine.h"

#include <vector>

#include "delegate/core/graph/infer.h"
#include "delegate/core/operators/weighted/depthwise_convolution.h"
#include "gtest/gtest.h"
#include "tests/delegate/core/graph_builder.h"
#include "tests/delegate/core/run_plan.h"

namespace tfsparse {
namespace {

using testing::build;
using testing::GraphBuilder;
using testing::run;

// x of shape [1, 1, 2, 2] times 2 and 3, plus 10 and 20.
struct Affine {
  GraphBuilder b;
  int x = b.input({1, 1, 2, 2});

  int scaled(Shape shape = {2}) {
    return b.binary(x, b.constant(shape, std::vector<float>{2, 3}), Binary::kMul);
  }
  int shifted(int product, Shape shape = {1, 1, 1, 2}) {
    return b.binary(b.constant(shape, std::vector<float>{10, 20}), product, Binary::kAdd);
  }
  int found() {
    EXPECT_TRUE(infer_shapes(&b.graph).ok());
    find_affine_channels(&b.graph);
    int count = 0;
    for (const Node& node : b.graph.nodes) count += as<DepthwiseConvolution>(node) != nullptr;
    return count;
  }
};

TEST(AffineChannels, AreOneStepWithTheNextActivation) {
  Affine a;
  a.b.graph.outputs = {a.b.unary(a.shifted(a.scaled()), Unary::kIdentity, 0, 26)};
  auto plan = build(a.b.graph);
  EXPECT_EQ(run(plan.get(), {1, 1, -8, 4}), (std::vector<float>{12, 23, 0, 26}));
  int computing = 0;
  for (const auto& step : plan->steps()) computing += step->parts[0].node_id >= 0;
  EXPECT_EQ(computing, 1);
}

TEST(AffineChannels, KeepAProductThatIsReadElsewhere) {
  Affine a;
  const int product = a.scaled();
  a.b.graph.outputs = {a.shifted(product), product};
  EXPECT_EQ(a.found(), 0);
}

TEST(AffineChannels, AreNothingElse) {
  Affine by_pixel;
  by_pixel.b.graph.outputs = {by_pixel.shifted(by_pixel.scaled({1, 1, 2, 1}))};
  EXPECT_EQ(by_pixel.found(), 0);
  Affine clamped;
  clamped.b.graph.outputs = {
      clamped.shifted(clamped.b.unary(clamped.scaled(), Unary::kIdentity, 0, 6))};
  EXPECT_EQ(clamped.found(), 0);
  Affine plain;
  plain.b.graph.outputs = {plain.shifted(plain.scaled())};
  EXPECT_EQ(plain.found(), 1);
}

}  // namespace
}  // namespace tfsparse
