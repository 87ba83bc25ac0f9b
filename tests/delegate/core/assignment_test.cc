// How much of its work a plan skips.
#include "delegate/core/assignment/assignment.h"

#include <vector>

#include "delegate/core/assignment/trial.h"
#include "delegate/core/graph/infer.h"
#include "gtest/gtest.h"
#include "tests/delegate/core/graph_builder.h"

namespace tfsparse {
namespace {

using testing::GraphBuilder;

// A 1x1 convolution of 4 channels over 6 pixels with 12 zeros of 16, a ReLU, and a dense layer of
// 2 outputs without zeros: 96 MACs, of which 72 are skipped, and 48.
struct Network {
  Network() {
    const int image = b.input({1, 2, 3, 4});
    const int rows = b.reshape(b.unary(b.scaling(image, 4, 2), Unary::kIdentity, 0, 6), {1, 24});
    const int weights = b.constant({2, 24}, std::vector<float>(48, 1));
    b.graph.outputs = {b.node(FullyConnected(), {rows, weights}).output};
    EXPECT_TRUE(infer_shapes(&b.graph).ok());
    EXPECT_TRUE(assign_nodes(b.graph, &assignments).ok());
  }

  double skipped(const std::vector<int>& nodes) const {
    return skipped_share(b.graph, assignments, nodes);
  }

  GraphBuilder b;
  std::vector<Assignment> assignments;
};

TEST(ProductMacs, AreThoseOfConvolutionsAndDenseLayers) {
  const Network network;
  std::vector<double> macs;
  for (const Node& node : network.b.graph.nodes) {
    macs.push_back(product_macs(network.b.graph, node));
  }
  EXPECT_EQ(macs, (std::vector<double>{96, 0, 0, 48}));
}

TEST(ProductMacs, OfNothingAreNone) {
  GraphBuilder b;
  b.graph.outputs = {b.scaling(b.input({0, 2, 3, 4}), 4, 2)};
  ASSERT_TRUE(infer_shapes(&b.graph).ok());
  EXPECT_EQ(product_macs(b.graph, b.graph.nodes[0]), 0);
}

TEST(SkippedShare, CountsMacsAndNotWeights) {
  const Network network;
  EXPECT_DOUBLE_EQ(network.skipped({0, 1, 2, 3}), 0.5);
  EXPECT_DOUBLE_EQ(network.skipped({0}), 0.75);
  EXPECT_EQ(network.skipped({1, 2, 3}), 0);
  EXPECT_EQ(network.skipped({1}), 0);
}

TEST(ShareToTake, IsSmallerForDenseNetworks) {
  EXPECT_LT(share_to_take(0.1), share_to_take(0.5));
  EXPECT_LT(share_to_take(0.5), 1);
}

}  // namespace
}  // namespace tfsparse
