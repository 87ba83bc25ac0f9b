// Channel shuffles, which the convolutions before them compute.
#include "delegate/core/rewriting/channel_shuffles.h"

#include <random>
#include <vector>

#include "delegate/core/graph/infer.h"
#include "delegate/core/operators/shapes/transpose.h"
#include "gtest/gtest.h"
#include "tests/delegate/core/graph_builder.h"
#include "tests/delegate/core/run_plan.h"

namespace tfsparse {
namespace {

using testing::GraphBuilder;

constexpr int kInputs = 5;

std::vector<float> random_floats(std::size_t count) {
  std::mt19937 engine(static_cast<unsigned>(count));
  std::normal_distribution<float> normal;
  std::vector<float> values(count);
  for (float& value : values) value = normal(engine);
  return values;
}

// A convolution, an activation and a shuffle of `groups` groups of `depth` channels.
struct Shuffled : GraphBuilder {
  Shuffled(Shape image, int groups, int depth) {
    const int channels = groups * depth;
    image.back() = kInputs;
    const int weights = constant({channels, 1, 1, kInputs}, random_floats(channels * kInputs));
    const int bias = constant({channels}, random_floats(channels));
    conv = node(Convolution(), {input(image), weights, bias}).output;
    image.back() = channels;
    graph.outputs = {shuffle(unary(conv, Unary::kIdentity, -1, 1), image, groups)};
  }
  int shuffle(int x, Shape image, int groups) {
    const Shape whole = image;
    image.back() /= groups;
    image.insert(image.end() - 1, groups);
    const int swapped = node(Transpose(), {reshape(x, image), ints({0, 1, 2, 4, 3})}).output;
    return reshape(swapped, whole);
  }
  std::size_t nodes_left() const {
    Graph folded = graph;
    EXPECT_TRUE(infer_shapes(&folded).ok());
    const Status status = fold_channel_shuffles(&folded);
    EXPECT_TRUE(status.ok()) << status.message();
    return folded.nodes.size();
  }

  int conv;
};

TEST(ChannelShuffles, AreTheOrderOfTheOutputsOfTheConvolution) {
  for (const Shape& image : {Shape{1, 1, 1, 0}, {1, 7, 5, 0}, {3, 1, 9, 0}, {2, 17, 3, 0}}) {
    for (const int groups : {1, 2, 3, 7}) {
      for (const int depth : {1, 2, 5}) {
        Shuffled b(image, groups, depth);
        EXPECT_EQ(b.nodes_left(), 2u);
        const auto x = random_floats(image[0] * image[1] * image[2] * kInputs);
        const auto y = testing::run(b.graph, x);
        b.graph.outputs = {b.graph.nodes[1].output};  // before the shuffle
        const auto plain = testing::run(b.graph, x);
        ASSERT_EQ(y.size(), plain.size());
        const std::size_t channels = groups * depth;
        for (std::size_t i = 0; i < y.size(); ++i) {
          const std::size_t channel = i % channels;
          EXPECT_NEAR(y[i], plain[i - channel + channel % groups * depth + channel / groups], 1e-5);
        }
      }
    }
  }
}

TEST(ChannelShuffles, OfAConvolutionThatIsReadElsewhereStay) {
  Shuffled b({1, 3, 3, 0}, 2, 3);
  b.graph.outputs.push_back(b.conv);
  EXPECT_EQ(b.nodes_left(), 5u);
}

TEST(ChannelShuffles, ThatFollowAnotherOneStay) {
  Shuffled b({1, 3, 3, 0}, 2, 3);
  b.graph.outputs = {b.shuffle(b.graph.outputs[0], {1, 3, 3, 6}, 3)};
  EXPECT_EQ(b.nodes_left(), 5u);
  const auto x = random_floats(9 * kInputs);
  const auto y = testing::run(b.graph, x);
  b.graph.outputs = {b.graph.nodes[1].output};
  const auto plain = testing::run(b.graph, x);
  ASSERT_EQ(y.size(), plain.size());
  // 2 groups of 3, then 3 groups of 2 restore the order.
  for (std::size_t i = 0; i < y.size(); ++i) EXPECT_NEAR(y[i], plain[i], 1e-5);
}

TEST(ChannelShuffles, OfPixelsStay) {
  Shuffled b({1, 4, 2, 0}, 2, 3);
  Node& transpose = b.graph.nodes[3];
  transpose.inputs[1] = b.ints({0, 2, 1, 3, 4});
  EXPECT_EQ(b.nodes_left(), 5u);
}

// An int8 convolution and a shuffle of 2 groups of 2 channels; the result has the scale `last`.
struct Int8Shuffled : GraphBuilder {
  explicit Int8Shuffled(float last) {
    const int x = quantize(input({1, 1, 2, 1}), 0.5f);
    const int weights = int8_weights({4, 1, 1, 1}, {1, 2, 3, 4}, {0.1f, 0.2f, 0.3f, 0.4f});
    const int conv = node(Convolution(), {x, weights, ints({10, 20, 30, 40})}).output;
    const int groups = reshape(quantize(conv, 0.5f), {1, 1, 2, 2, 2});
    const int order = ints({0, 1, 2, 4, 3});
    const int swapped = node(Transpose(), {quantize(groups, 0.5f), order}).output;
    graph.outputs = {quantize(reshape(quantize(swapped, 0.5f), {1, 1, 2, 4}), last)};
    EXPECT_TRUE(infer_shapes(&graph).ok());
    EXPECT_TRUE(fold_channel_shuffles(&graph).ok());
  }
};

TEST(ChannelShuffles, MoveInt8WeightsTheirScalesAndBiases) {
  const Int8Shuffled b(0.5f);
  ASSERT_EQ(b.graph.nodes.size(), 1u);
  const Node& node = b.graph.nodes[0];
  EXPECT_EQ(node.output, b.graph.outputs[0]);
  const Tensor& moved = b.graph.tensors[node.inputs[1]];
  std::vector<std::int8_t> codes;
  ASSERT_TRUE(read_int8(moved, &codes).ok());
  EXPECT_EQ(codes, (std::vector<std::int8_t>{1, 3, 2, 4}));
  EXPECT_EQ(moved.quantization->scales, (std::vector<float>{0.1f, 0.3f, 0.2f, 0.4f}));
  std::vector<std::int32_t> bias;
  ASSERT_TRUE(read_int32(b.graph.tensors[node.inputs[2]], &bias).ok());
  EXPECT_EQ(bias, (std::vector<std::int32_t>{10, 30, 20, 40}));
}

TEST(ChannelShuffles, BetweenDifferentScalesStay) {
  EXPECT_EQ(Int8Shuffled(0.25f).graph.nodes.size(), 4u);
}

}  // namespace
}  // namespace tfsparse
