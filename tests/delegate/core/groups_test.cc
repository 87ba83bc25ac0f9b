// Grouped convolutions, which the delegate computes as depthwise or as ordinary convolutions.
#include "delegate/core/rewriting/groups.h"

#include <vector>

#include "delegate/core/assignment/estimate.h"
#include "delegate/core/graph/infer.h"
#include "delegate/core/operators/weighted/depthwise_convolution.h"
#include "gtest/gtest.h"
#include "tests/delegate/core/graph_builder.h"
#include "tests/delegate/core/run_plan.h"

namespace tfsparse {
namespace {

using testing::GraphBuilder;

void ungroup(Graph* graph) {
  ASSERT_TRUE(infer_shapes(graph).ok());
  const Status status = ungroup_convolutions(graph);
  ASSERT_TRUE(status.ok()) << status.message();
}

const Tensor& weights_of(const Graph& graph) { return graph.tensors[graph.nodes.back().inputs[1]]; }

std::vector<float> floats_of(const Graph& graph) {
  std::vector<float> values;
  EXPECT_TRUE(read_floats(weights_of(graph), &values).ok());
  return values;
}

TEST(Groups, OfOneChannelAreDepthwise) {
  GraphBuilder b;
  const int weights = b.constant({4, 1, 2, 1}, {1, 2, 3, 4, 5, 6, 7, 8});
  Convolution op;
  op.window.stride_w = 2;
  b.graph.outputs = {b.node(op, {b.input({1, 1, 3, 2}), weights}).output};
  const std::vector<float> y = testing::run(b.graph, {1, 10, 2, 20, 3, 30});
  EXPECT_EQ(y, (std::vector<float>{5, 11, 170, 230}));
  ungroup(&b.graph);
  const auto* depthwise = as<DepthwiseConvolution>(b.graph.nodes[0]);
  ASSERT_NE(depthwise, nullptr);
  EXPECT_EQ(depthwise->window.stride_w, 2);
  EXPECT_EQ(weights_of(b.graph).shape, (Shape{1, 1, 2, 4}));
  EXPECT_EQ(floats_of(b.graph), (std::vector<float>{1, 3, 5, 7, 2, 4, 6, 8}));
}

TEST(Groups, OfSeveralChannelsHaveZerosForOtherGroups) {
  GraphBuilder b;
  const int weights = b.constant({2, 1, 2, 2}, {1, 2, 3, 4, 5, 6, 7, 8});
  b.graph.outputs = {b.node(Convolution(), {b.input({1, 1, 2, 4}), weights}).output};
  EXPECT_EQ(testing::run(b.graph, {1, 10, 2, 20, 3, 30, 4, 40}),
            (std::vector<float>{21 + 129, 130 + 348}));
  ungroup(&b.graph);
  EXPECT_EQ(weights_of(b.graph).shape, (Shape{2, 1, 2, 4}));
  EXPECT_EQ(floats_of(b.graph),
            (std::vector<float>{1, 2, 0, 0, 3, 4, 0, 0, 0, 0, 5, 6, 0, 0, 7, 8}));
}

TEST(Groups, KeepInt8WeightsAndTheirScales) {
  for (const int depth : {1, 2}) {
    GraphBuilder b;
    const int x = b.quantize(b.input({1, 1, 1, 2 * depth}), 0.5f);
    const std::vector<std::int8_t> values(2 * depth, 3);
    const int weights = b.int8_weights({2, 1, 1, depth}, values, {0.5f, 0.25f});
    b.quantize(b.node(Convolution(), {x, weights}).output, 1);
    ungroup(&b.graph);
    EXPECT_EQ(weights_of(b.graph).type, DType::kInt8);
    EXPECT_EQ(unsupported_int8_weights(weights_of(b.graph), depth == 1 ? 3 : 0), "");
    const std::vector<float> floats = floats_of(b.graph);
    EXPECT_EQ(floats.front(), 1.5f);
    EXPECT_EQ(floats.back(), 0.75f);
  }
}

TEST(Groups, OfTooManyWeightsAreRefused) {
  GraphBuilder b;  // 2^13 * 2^14 numbers with the zeros
  const int weights = b.constant({1 << 13, 1, 1, 2}, std::vector<float>(1 << 14, 1.0f));
  b.node(Convolution(), {b.input({1, 1, 1, 1 << 14}), weights});
  EXPECT_FALSE(infer_shapes(&b.graph).ok());
}

TEST(Groups, ThatDoNotDivideTheOutputsAreRefused) {
  GraphBuilder b;
  const int weights = b.constant({3, 1, 1, 2}, std::vector<float>(6, 1.0f));
  b.node(Convolution(), {b.input({1, 1, 1, 4}), weights});
  EXPECT_FALSE(infer_shapes(&b.graph).ok());
}

// The work of TFLite's default for a 3x3 convolution of 64 channels in `groups`.
DefaultWork default_work(int groups) {
  GraphBuilder b;
  const int depth = 64 / groups;
  const int weights = b.constant({64, 3, 3, depth}, std::vector<float>(576 * depth, 1.0f));
  b.node(Convolution(), {b.input({1, 16, 16, 64}), weights});
  ungroup(&b.graph);
  return predict_default_work(b.graph)[0];
}

TEST(Groups, CostTheDefaultTheMacsOfTheirOwn) {
  EXPECT_NEAR(default_work(4).vectors / default_work(1).vectors, 0.25, 0.02);
  EXPECT_EQ(default_work(4).weights / default_work(1).weights, 0.25);
  EXPECT_LT(default_work(64).vectors, default_work(4).vectors);
}

}  // namespace
}  // namespace tfsparse
