// Reading the constants of a graph, and properties of its nodes.
#include "delegate/core/graph/graph.h"

#include <numeric>
#include <vector>

#include "delegate/core/operators/constant.h"
#include "delegate/core/weights/weights.h"
#include "gtest/gtest.h"
#include "tests/delegate/core/graph_builder.h"

namespace tfsparse {
namespace {

using testing::GraphBuilder;

template <class T>
Tensor constant(DType type, const Shape& shape, const std::vector<T>& values) {
  Tensor tensor;
  tensor.type = type;
  tensor.shape = shape;
  tensor.data = values.data();
  tensor.bytes = values.size() * sizeof(T);
  return tensor;
}

TEST(ReadFloats, WidensFloat16) {
  const std::vector<std::uint16_t> halves = {0x3800, 0xc000};
  std::vector<float> values;
  ASSERT_TRUE(read_floats(constant(DType::kFloat16, {2}, halves), &values).ok());
  EXPECT_EQ(values, (std::vector<float>{0.5f, -2.0f}));
}

TEST(ReadFloats, RefusesMoreOrFewerBytesThanTheShapeSays) {
  const std::vector<float> stored = {1, 2, 3, 4};
  std::vector<float> values;
  EXPECT_TRUE(read_floats(constant(DType::kFloat32, {2, 2}, stored), &values).ok());
  EXPECT_FALSE(read_floats(constant(DType::kFloat32, {3}, stored), &values).ok());
  EXPECT_FALSE(read_floats(constant(DType::kFloat32, {5}, stored), &values).ok());
  EXPECT_FALSE(read_floats(constant(DType::kInt32, {4}, stored), &values).ok());
}

TEST(ReadInts, ReadsBothWidths) {
  const std::vector<std::int32_t> narrow = {3, -1};
  const std::vector<std::int64_t> wide = {1LL << 40, -1};
  std::vector<std::int64_t> values;
  ASSERT_TRUE(read_ints(constant(DType::kInt32, {2}, narrow), &values).ok());
  EXPECT_EQ(values, (std::vector<std::int64_t>{3, -1}));
  ASSERT_TRUE(read_ints(constant(DType::kInt64, {2}, wide), &values).ok());
  EXPECT_EQ(values, wide);
}

TEST(ReadInts, ReadsUpTo64) {
  std::vector<std::int32_t> many(65);
  std::iota(many.begin(), many.end(), 0);
  std::vector<std::int64_t> values;
  EXPECT_FALSE(read_ints(constant(DType::kInt32, {65}, many), &values).ok());
  many.pop_back();
  ASSERT_TRUE(read_ints(constant(DType::kInt32, {8, 8}, many), &values).ok());
  EXPECT_EQ(values.size(), 64);
  EXPECT_EQ(values.back(), 63);
}

TEST(ReadBias, IsTheThirdInputOrZeros) {
  GraphBuilder b;
  const int bias = b.constant({2}, {3, 4});  // tensor 0
  std::vector<float> values;
  Node& node = b.node(Convolution(), {1, 1, bias});
  ASSERT_TRUE(read_bias(b.graph, node, 2, &values).ok());
  EXPECT_EQ(values, (std::vector<float>{3, 4}));
  node.inputs = {1, 1, -1};
  ASSERT_TRUE(read_bias(b.graph, node, 2, &values).ok());
  EXPECT_EQ(values, (std::vector<float>{0, 0}));
}

TEST(IsPointwise, NeedsAKernelOf1AndThePixelsOfTheInput) {
  GraphBuilder b;
  const int x = b.input({1, 4, 4, 1}), weights = b.constant({1, 1, 1, 1}, {1});
  const Node plain = b.node(Convolution(), {x, weights});
  const auto is = [&](const Node& node, const Shape& y) {
    b.graph.tensors[plain.output].shape = y;
    return is_pointwise(b.graph, node);
  };
  EXPECT_TRUE(is(plain, {1, 4, 4, 1}));
  EXPECT_FALSE(is(plain, {1, 3, 4, 1}));
  EXPECT_FALSE(is(plain, {1, 4, 3, 1}));
  Node node = plain;
  as<Convolution>(node)->window.stride_w = 2;
  EXPECT_FALSE(is(node, {1, 4, 4, 1}));
  node = plain;
  as<Convolution>(node)->window.stride_h = 2;
  EXPECT_FALSE(is(node, {1, 4, 4, 1}));
  node = plain;
  as<Convolution>(node)->window.pad_left = 1;
  EXPECT_FALSE(is(node, {1, 4, 4, 1}));
  node = plain;
  as<Convolution>(node)->window.pad_top = 1;
  EXPECT_FALSE(is(node, {1, 4, 4, 1}));
}

TEST(StoredConstant, IsFoundBehindDensifyAndDequantize) {
  GraphBuilder b;
  const int stored = b.constant({1}, {1}), x = b.input({1});
  const int dense = b.node(Densify(), {stored}).output;
  const int wide = b.node(Dequantize(), {dense}).output;
  const int computed = b.node(Dequantize(), {x}).output;
  const int negated = b.node(UnaryOperator(Unary::kNegate), {stored}).output;
  const GraphIndex index(b.graph);
  EXPECT_EQ(index.stored_constant(stored), stored);
  EXPECT_EQ(index.stored_constant(wide), stored);
  EXPECT_EQ(index.stored_constant(x), -1);
  EXPECT_EQ(index.stored_constant(computed), -1);
  EXPECT_EQ(index.stored_constant(negated), -1);
}

}  // namespace
}  // namespace tfsparse
