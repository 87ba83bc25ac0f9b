// The results of single operators, as plans of one node, against loops over all elements.
#include <algorithm>
#include <string>
#include <vector>

#include "delegate/core/operators/shapes/reduction.h"
#include "delegate/core/operators/shapes/slice.h"
#include "gtest/gtest.h"
#include "tests/delegate/core/graph_builder.h"
#include "tests/delegate/core/run_plan.h"

namespace tfsparse {
namespace {

using testing::build;
using testing::GraphBuilder;
using testing::run;

// 0, 1, 2, ...: sums of some hundred of these are exact.
std::vector<float> counted(const Shape& shape) {
  std::vector<float> values(element_count(shape));
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i);
  return values;
}

// Calls visit(index, i) for the i-th element, where `index` has its index in each dimension.
template <class Visit>
void for_each_element(const Shape& shape, const Visit& visit) {
  for (int i = 0; i < element_count(shape); ++i) {
    std::vector<int> index(shape.size());
    for (int left = i, dim = static_cast<int>(shape.size()); dim-- > 0; left /= shape[dim]) {
      index[dim] = left % shape[dim];
    }
    visit(index, i);
  }
}

std::vector<float> reduced(const Shape& shape, const std::vector<std::int32_t>& axes,
                           Reduction reduction) {
  GraphBuilder b;
  b.graph.outputs = {b.node(Reduce(reduction), {b.input(shape), b.ints(axes)}).output};
  return run(b.graph, counted(shape));
}

TEST(Reduce, AddsUpAnyAxes) {
  const Shape shape = {2, 3, 4, 5};
  for (const std::vector<std::int32_t>& axes : std::vector<std::vector<std::int32_t>>{
           {0}, {1}, {2}, {3}, {0, 2}, {1, 3}, {0, 3}, {1, 2}, {0, 1, 2}, {0, 1, 2, 3}}) {
    Shape kept = shape;
    float count = 1;
    for (const int axis : axes) count *= shape[axis], kept[axis] = 1;
    std::vector<float> expected(element_count(kept));
    for_each_element(shape, [&](const std::vector<int>& index, int i) {
      int at = 0;
      for (int dim = 0; dim < 4; ++dim) at = at * kept[dim] + index[dim] % kept[dim];
      expected[at] += static_cast<float>(i);
    });
    EXPECT_EQ(reduced(shape, axes, Reduction::kSum), expected);
    const std::vector<float> means = reduced(shape, axes, Reduction::kMean);
    for (std::size_t i = 0; i < means.size(); ++i) EXPECT_FLOAT_EQ(means[i], expected[i] / count);
  }
}

TEST(Slice, BeginsAtAnyIndex) {
  const Shape shape = {3, 4, 5, 2}, size = {2, 2, 3, 1};
  const std::vector<std::int32_t> begin = {1, 2, 1, 1};
  std::vector<float> expected;
  for_each_element(size, [&](const std::vector<int>& index, int) {
    int at = 0;
    for (int dim = 0; dim < 4; ++dim) at = at * shape[dim] + begin[dim] + index[dim];
    expected.push_back(static_cast<float>(at));
  });
  for (const bool in_chw : {false, true}) {
    GraphBuilder b;
    const int x = b.input(shape);
    const int from = in_chw ? b.scaling(x, 2, 1) : x;
    const Node& node = b.node(Slice(), {from, b.ints(begin), b.ints({2, 2, 3, 1})});
    b.graph.outputs = {node.output};
    EXPECT_EQ(run(b.graph, counted(shape)), expected) << (in_chw ? "in CHW" : "flat");
  }
}

// So many inputs exceed the L1 cache: the reduction is split, and its last part adds the residual
// and clamps the sum. Sums of the first parts are outside of the bounds.
TEST(Conv2D, AddsUpManyInputsInParts) {
  constexpr int kInputs = 1024, kOutputs = 8, kSide = 12;
  constexpr float kLowest = -10, kHighest = 10;
  std::vector<float> weights(kOutputs * kInputs);
  for (int i = 0; i < kInputs; ++i) {
    weights[i % kOutputs * kInputs + i] = i < kInputs / 2 ? 1.0f : -1.0f;
  }
  GraphBuilder b;
  const int x = b.input({1, kSide, kSide, kInputs});
  const int sums =
      b.node(Convolution(), {x, b.constant({kOutputs, 1, 1, kInputs}, weights)}).output;
  const Node& first = b.node(Slice(), {x, b.ints({0, 0, 0, 0}), b.ints({-1, -1, -1, kOutputs})});
  const int y = b.binary(sums, first.output, Binary::kAdd);
  b.graph.outputs = {b.unary(y, Unary::kIdentity, kLowest, kHighest)};
  const auto plan = build(b.graph);
  std::vector<float> image(element_count({kSide, kSide, kInputs}));
  for (std::size_t i = 0; i < image.size(); ++i) image[i] = static_cast<float>(i % 23);
  std::vector<float> expected(kSide * kSide * kOutputs);
  for (int pixel = 0; pixel < kSide * kSide; ++pixel) {
    const float* from = image.data() + pixel * kInputs;
    for (int o = 0; o < kOutputs; ++o) {
      float& sum = expected[pixel * kOutputs + o];
      sum = from[o];
      for (int i = 0; i < kInputs; ++i) sum += weights[o * kInputs + i] * from[i];
      sum = std::clamp(sum, kLowest, kHighest);
    }
  }
  EXPECT_EQ(run(plan.get(), image), expected);
}

// The kernel of a dense layer with ten weights, `zeros` of them zero.
std::string kernel_with_zeros(int zeros) {
  std::vector<float> weights(10, 1.0f);
  std::fill_n(weights.begin(), zeros, 0.0f);
  GraphBuilder b;
  const int x = b.input({1, 5});
  b.graph.outputs = {b.node(FullyConnected(), {x, b.constant({2, 5}, weights)}).output};
  return build(b.graph)->steps()[0]->parts[0].kernel;
}

TEST(FullyConnected, SkipsZerosFrom70PercentOn) {
  EXPECT_EQ(kernel_with_zeros(6), "dense rows");
  EXPECT_EQ(kernel_with_zeros(7), "sparse rows");
}

TEST(FullyConnected, MultipliesEachOfABatch) {
  GraphBuilder b;
  const int x = b.input({3, 2}), weights = b.constant({3, 2}, {1, 0, 0, 1, 1, 1});
  b.graph.outputs = {b.node(FullyConnected(), {x, weights}).output};
  EXPECT_EQ(run(b.graph, {1, 2, 3, 4, 5, 6}), (std::vector<float>{1, 2, 3, 3, 4, 7, 5, 6, 11}));
}

}  // namespace
}  // namespace tfsparse
