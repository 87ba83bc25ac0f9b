// Plans of graphs: their steps, results, layouts and memory.
#include "delegate/core/plan/plan.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "delegate/core/operators/images/pad.h"
#include "delegate/core/operators/images/resize.h"
#include "delegate/core/operators/shapes/reduction.h"
#include "delegate/core/plan/layout.h"
#include "gtest/gtest.h"
#include "tests/delegate/core/graph_builder.h"
#include "tests/delegate/core/run_plan.h"

using namespace tfsparse;
using tfsparse::testing::build;
using tfsparse::testing::GraphBuilder;
using tfsparse::testing::run;

namespace {

std::string kernels(const Plan& plan) {
  std::string all;
  for (const auto& step : plan.steps()) {
    for (const StepPart& part : step->parts) {
      all += part.kernel.substr(0, part.kernel.find(' ')) + ";";
    }
  }
  return all;
}

const float kInfinity = std::numeric_limits<float>::infinity();

TEST(Plan, FusesActivationAndResidualIntoAConvolution) {
  GraphBuilder b;
  const int x = b.input({1, 2, 2, 2});
  const int y = b.unary(b.scaling(x, 2, 3), Unary::kIdentity, 0, 6);
  const int z = b.binary(b.scaling(y, 2, 10), y, Binary::kAdd);
  b.graph.outputs = {z};
  auto plan = build(b.graph);
  EXPECT_EQ(kernels(*plan), "to;sparse;sparse;from;");
  const auto result = run(plan.get(), {-1, 0, 1, 2, 3, 0.5f, -2, 1});
  const float expected[] = {0, 0, 33, 66, 66, 16.5f, 0, 33};
  for (int i = 0; i < 8; ++i) EXPECT_NEAR(result[i], expected[i], 1e-5);
}

TEST(Plan, FusesTheActivationOfAResidual) {
  GraphBuilder b;
  const int x = b.input({1, 2, 2, 2});
  const int y = b.unary(b.binary(b.scaling(x, 2, 3), x, Binary::kAdd), Unary::kIdentity, 0, 6);
  b.graph.outputs = {y};
  auto plan = build(b.graph);
  EXPECT_EQ(kernels(*plan), "to;sparse;from;");
  const auto result = run(plan.get(), {-1, 0, 1, 2, 3, 0.5f, -2, 1});
  const float expected[] = {0, 0, 4, 6, 6, 2, 0, 4};
  for (int i = 0; i < 8; ++i) EXPECT_NEAR(result[i], expected[i], 1e-5);
}

TEST(Plan, FusesAClampOfAClamp) {
  GraphBuilder b;
  const int clamped = b.unary(b.scaling(b.input({1, 2, 2, 2}), 2, 1), Unary::kIdentity, 0, 2);
  b.graph.outputs = {b.unary(clamped, Unary::kIdentity, -1, 3)};
  auto plan = build(b.graph);
  EXPECT_EQ(kernels(*plan), "to;sparse;from;");
  EXPECT_EQ(run(plan.get(), {-1, 0, 1, 2, 3, 0.5f, -2, 1}),
            (std::vector<float>{0, 0, 1, 2, 2, 0.5f, 0, 1}));
}

TEST(Plan, KeepsTheClampsBeforeAndAfterAResidual) {
  GraphBuilder b;
  const int x = b.input({1, 2, 2, 2});
  const int y = b.unary(b.scaling(x, 2, 3), Unary::kIdentity, 0, 6);
  b.graph.outputs = {b.unary(b.binary(y, x, Binary::kAdd), Unary::kIdentity, -1, 8)};
  EXPECT_EQ(run(b.graph, {-3, 0, 1, 2, 3, 0.5f, -0.5f, 1}),
            (std::vector<float>{-1, 0, 4, 8, 8, 2, -0.5f, 4}));
}

TEST(Plan, AddsTwoResiduals) {
  GraphBuilder b;
  const int x = b.input({1, 2, 2, 2});
  const int sum = b.binary(b.scaling(x, 2, 3), x, Binary::kAdd);
  b.graph.outputs = {b.binary(sum, b.unary(x, Unary::kIdentity, 0, kInfinity), Binary::kAdd)};
  EXPECT_EQ(run(b.graph, {-1, 0, 1, 2, 3, 0.5f, -2, 1}),
            (std::vector<float>{-4, 0, 5, 10, 15, 2.5f, -8, 5}));
}

TEST(Plan, AddsAResidualOfOnePixel) {
  GraphBuilder b;
  const int x = b.input({1, 2, 2, 2});
  Reduce mean(Reduction::kMean);
  mean.keep_dims = true;
  const int pixel = b.node(mean, {x, b.ints({1, 2})}).output;
  b.graph.outputs = {b.binary(b.scaling(x, 2, 1), pixel, Binary::kAdd)};
  EXPECT_EQ(run(b.graph, {0, 8, 1, 8, 2, 8, 1, 16}),
            (std::vector<float>{1, 18, 2, 18, 3, 18, 2, 26}));
}

// Two rows, because a convolution of several rows is cropped.
TEST(Plan, ClampsAResidualOfABorderedConvolution) {
  GraphBuilder b;
  const int x = b.input({1, 2, 3, 1});
  Convolution conv;
  conv.window.padding = Padding::kSame;
  const int sums = b.node(conv, {x, b.constant({1, 1, 3, 1}, {1, 1, 1})}).output;
  b.graph.outputs = {b.unary(b.binary(sums, x, Binary::kAdd), Unary::kIdentity, 0, 6)};
  EXPECT_EQ(run(b.graph, {-5, 2, 3, 1, 1, -4}), (std::vector<float>{0, 2, 6, 3, 0, 0}));
}

// One row above and two columns on the left, so that neither replaces the other.
TEST(Plan, FusesAPadIntoTheBorderOfAConvolution) {
  GraphBuilder b;
  const int x = b.input({1, 2, 3, 1});
  const int pads = b.ints({0, 0, 1, 0, 2, 0, 0, 0});
  b.graph.tensors[pads].shape = {4, 2};
  const int padded = b.node(Pad(), {x, pads}).output;
  const int corners = b.constant({1, 2, 3, 1}, {1, 0, 0, 0, 0, 10});  // top left, bottom right
  b.graph.outputs = {b.node(Convolution(), {padded, corners}).output};
  auto plan = build(b.graph);
  EXPECT_EQ(kernels(*plan), "sparse;from;");
  EXPECT_EQ(run(plan.get(), {1, 2, 3, 4, 5, 6}), (std::vector<float>{10, 20, 30, 40, 50, 61}));
}

TEST(Plan, KeepsATensorThatSomethingElseReads) {
  GraphBuilder b;
  const int x = b.input({1, 2, 2, 2});
  const int y = b.scaling(x, 2, 2);
  const int z = b.unary(y, Unary::kIdentity, 0, kInfinity);
  b.graph.outputs = {y, z};
  auto plan = build(b.graph);
  std::vector<float> in = {-1, 1, -2, 2, -3, 3, -4, 4}, first(8), second(8);
  ThreadPool pool(1);
  plan->run(&pool, {in.data()}, {first.data(), second.data()});
  for (int i = 0; i < 8; ++i) {
    EXPECT_NEAR(first[i], 2 * in[i], 1e-6);
    EXPECT_NEAR(second[i], std::max(0.0f, 2 * in[i]), 1e-6);
  }
}

// Resizes a [1, 2, 2, 2] image.
int resized(GraphBuilder* b, int height, int width) {
  const int x = b->input({1, 2, 2, 2});
  Resize resize(Interpolation::kBilinear);
  resize.align_corners = true;
  return b->node(resize, {x, b->ints({height, width})}).output;
}

// Resizes a [1, 2, 2, 2] image, then scales its channels and clamps them to [0, 6].
std::unique_ptr<Plan> resized_and_scaled(int height, int width) {
  GraphBuilder b;
  const int scaled = b.scaling(resized(&b, height, width), 2, 3);
  b.graph.outputs = {b.unary(scaled, Unary::kIdentity, 0, 6)};
  return build(b.graph);
}

TEST(Plan, MovesAConvolutionBeforeAnUpscaling) {
  auto plan = resized_and_scaled(3, 3);
  EXPECT_EQ(kernels(*plan), "to;sparse;bilinear;from;");
  const auto y = run(plan.get(), {-1, 0, 1, 2, 3, 0.5f, -2, 1});
  // Clamped last: 0 is halfway between -3 and 3, 1.5 between 9 and -6.
  const float first[] = {0, 0, 3, 3, 0.75f, 0, 6, 1.5f, 0};
  const float second[] = {0, 3, 6, 0.75f, 2.625f, 4.5f, 1.5f, 2.25f, 3};
  for (int i = 0; i < 9; ++i) {
    EXPECT_NEAR(y[2 * i], first[i], 1e-5);
    EXPECT_NEAR(y[2 * i + 1], second[i], 1e-5);
  }
}

TEST(Plan, KeepsAConvolutionAfterAResizeThatDoesNotEnlarge) {
  for (const auto& [height, width] :
       {std::pair(1, 2), std::pair(3, 1), std::pair(1, 3), std::pair(2, 2)}) {
    EXPECT_EQ(kernels(*resized_and_scaled(height, width)), "to;bilinear;sparse;from;");
  }
}

TEST(Plan, KeepsAConvolutionAfterAnUpscalingThatSomethingElseReads) {
  GraphBuilder b;
  const int large = resized(&b, 3, 3);
  b.graph.outputs = {b.scaling(large, 2, 3), large};
  EXPECT_EQ(kernels(*build(b.graph)), "to;bilinear;sparse;from;from;");
}

TEST(Plan, KeepsAConvolutionWithMoreOutputsAfterAnUpscaling) {
  GraphBuilder b;
  const int weights = b.constant({3, 1, 1, 2}, {1, 0, 0, 1, 0, 0});
  b.graph.outputs = {b.node(Convolution(), {resized(&b, 3, 3), weights}).output};
  EXPECT_EQ(kernels(*build(b.graph)), "to;bilinear;sparse;from;");
}

// The sigmoid of a mean is not the mean of sigmoids.
TEST(Plan, KeepsAConvolutionWithASigmoidAfterAnUpscaling) {
  GraphBuilder b;
  b.graph.outputs = {b.scaling(resized(&b, 3, 3), 2, 3)};
  as<Convolution>(b.graph.nodes.back())->epilogue.activation = Activation::kSigmoid;
  EXPECT_EQ(kernels(*build(b.graph)), "to;bilinear;sparse;from;");
}

TEST(Plan, FusesSwish) {
  GraphBuilder b;
  const int x = b.input({1, 2, 2, 1});
  const int y = b.scaling(x, 1, 1);
  UnaryOperator sigmoid;
  sigmoid.epilogue.activation = Activation::kSigmoid;
  const int gate = b.node(sigmoid, {y}).output;
  b.graph.outputs = {b.binary(gate, y, Binary::kMul)};
  auto plan = build(b.graph);
  EXPECT_LE(plan->steps().size(), 3);  // one convolution and at most two layout changes
  const auto result = run(plan.get(), {-1, 0, 1, 2});
  for (int i = 0; i < 4; ++i) {
    const double v = i - 1;
    EXPECT_NEAR(result[i], v / (1 + std::exp(-v)), 1e-5);
  }
}

TEST(Plan, CopiesAnInputThatIsAnOutput) {
  GraphBuilder b;
  const int x = b.input({1, 4});
  const int y = b.reshape(x, {2, -1});
  b.graph.outputs = {y, y};
  auto plan = build(b.graph);
  EXPECT_EQ(plan->output_shapes()[0], (Shape{2, 2}));
  std::vector<float> in = {1, 2, 3, 4}, first(4), second(4);
  ThreadPool pool(1);
  plan->run(&pool, {in.data()}, {first.data(), second.data()});
  EXPECT_EQ(first, in);
  EXPECT_EQ(second, in);
}

// Runs the graph on 1, 2, 3 ... and expects each output to be `scale` times its input.
void expect_scales(const Graph& graph, const std::string& expected_kernels, int count,
                   float scale) {
  auto plan = build(graph);
  EXPECT_EQ(kernels(*plan), expected_kernels);
  std::vector<float> x(count);
  for (int i = 0; i < count; ++i) x[i] = static_cast<float>(i + 1);
  const auto y = run(plan.get(), x);
  for (int i = 0; i < count; ++i) EXPECT_NEAR(y[i], scale * x[i], 1e-4);
}

TEST(Plan, KeepsRowsAsPixelsBetweenDenseLayers) {
  GraphBuilder b;
  const int x = b.input({5, 4});
  const int y = b.unary(b.row_scaling(x, 4, -3), Unary::kAbs, -kInfinity, kInfinity);
  b.graph.outputs = {b.binary(b.row_scaling(y, 4, 2), y, Binary::kAdd)};
  expect_scales(b.graph, "to;sparse;elementwise;sparse;from;", 20, 9);
}

TEST(Plan, MultipliesASingleRowInTFLitesOrder) {
  GraphBuilder b;
  b.graph.outputs = {b.row_scaling(b.row_scaling(b.input({1, 4}), 4, 3), 4, 2)};
  expect_scales(b.graph, "sparse;sparse;", 4, 6);
}

TEST(Plan, TakesLeadingDimensionsAsRows) {
  for (const Shape& shape : {Shape{2, 3, 4}, Shape{1, 2, 3, 4}, Shape{2, 3, 1, 4}}) {
    GraphBuilder b;
    int x = b.input(shape);
    for (int i = 0; i < 2; ++i) {
      x = b.row_scaling(x, 4, 3);
      as<FullyConnected>(b.graph.nodes.back())->keep_dims = true;
    }
    b.graph.outputs = {x};
    expect_scales(b.graph, "to;sparse;sparse;from;", 24, 9);
  }
}

TEST(Plan, MovesNothingWhereDenseLayersAreReshaped) {
  for (const Shape& shape : {Shape{6, 4}, Shape{2, 3, 4}, Shape{2, 3, 1, 4}, Shape{6, 1, 1, 4}}) {
    GraphBuilder b;
    const int x = b.input(shape);
    const int y = b.reshape(b.row_scaling(b.reshape(x, {6, 4}), 4, 3), shape);
    b.graph.outputs = {b.reshape(b.row_scaling(b.reshape(y, {-1, 4}), 4, 2), shape)};
    expect_scales(b.graph, "to;sparse;sparse;from;", 24, 6);
  }
}

TEST(Plan, TakesFlattenedImagesAsRows) {
  GraphBuilder b;
  b.graph.outputs = {b.row_scaling(b.input({3, 2, 2, 2}), 8, 3)};
  expect_scales(b.graph, "to;sparse;from;", 24, 3);
}

TEST(Plan, TakesSinglePixelsOfSeveralImagesAsRows) {
  GraphBuilder b;
  b.graph.outputs = {b.scaling(b.scaling(b.input({3, 1, 1, 4}), 4, 3), 4, 2)};
  expect_scales(b.graph, "to;sparse;sparse;from;", 12, 6);
}

TEST(Plan, RunsWithoutRows) {
  GraphBuilder b;
  b.graph.outputs = {b.row_scaling(b.input({0, 4}), 4, 3)};
  run(build(b.graph).get(), {});
}

TEST(Plan, RefusesShapesThatDoNotFit) {
  const auto refused = [](const Graph& graph) {
    std::unique_ptr<Plan> plan;
    return !Plan::build(graph, best_kernels(), 1, &plan).ok();
  };
  {
    GraphBuilder b;  // three channels, but weights for two
    b.graph.outputs = {b.scaling(b.input({1, 2, 2, 3}), 2, 1)};
    EXPECT_TRUE(refused(b.graph));
  }
  {
    GraphBuilder b;
    b.graph.outputs = {b.reshape(b.input({1, 5}), {2, -1})};
    EXPECT_TRUE(refused(b.graph));
  }
  {
    GraphBuilder b;
    b.graph.outputs = {b.binary(b.input({1, 3}), b.input({1, 4}), Binary::kAdd)};
    EXPECT_TRUE(refused(b.graph));
  }
  {
    GraphBuilder b;  // reads a tensor that nothing writes
    b.graph.outputs = {b.binary(b.input({1, 3}), b.input({1, 3}), Binary::kAdd)};
    b.graph.inputs.pop_back();
    EXPECT_TRUE(refused(b.graph));
  }
  {
    GraphBuilder b;  // weights with fewer bytes than their shape needs
    const int x = b.input({1, 2, 2, 2});
    b.graph.outputs = {b.scaling(x, 2, 1)};
    b.graph.tensors[b.graph.nodes[0].inputs[1]].bytes -= 4;
    EXPECT_TRUE(refused(b.graph));
  }
}

// The first value is read last, so no other may take its memory.
TEST(Plan, KeepsAValueUntilItIsReadLast) {
  GraphBuilder b;
  const int x = b.input({1, 4});
  const auto unary = [&](int from, Unary op) { return b.node(UnaryOperator(op), {from}).output; };
  const int squared = unary(x, Unary::kSquare);
  const int positive = unary(unary(x, Unary::kNegate), Unary::kAbs);
  b.graph.outputs = {b.binary(squared, positive, Binary::kAdd)};
  EXPECT_EQ(run(b.graph, {-3, -1, 0, 2}), (std::vector<float>{12, 2, 0, 6}));
}

TEST(Plan, TakesNoMemoryForInputsAndOutputs) {
  GraphBuilder b;
  b.graph.outputs = {b.node(UnaryOperator(Unary::kNegate), {b.input({1, 1000})}).output};
  EXPECT_LT(build(b.graph)->arena_bytes(), 1000 * sizeof(float));
}

TEST(Plan, ProfilesTheFastestRunOfEachStep) {
  GraphBuilder b;
  b.graph.outputs = {b.scaling(b.input({1, 8, 8, 4}), 4, 1)};
  auto plan = build(b.graph);
  const std::vector<float> x(8 * 8 * 4);
  std::vector<float> y(x.size());
  ThreadPool pool(1);
  for (int i = 0; i < 30; ++i) {
    const auto before = plan->seconds();
    plan->run_profiled(&pool, {x.data()}, {y.data()});
    for (std::size_t step = 0; step < before.size(); ++step) {
      EXPECT_GT(plan->seconds()[step][0], 0);
      EXPECT_LE(plan->seconds()[step][0], before[step][0]);
    }
  }
}

TEST(Plan, RunsEmptyImages) {
  GraphBuilder b;
  b.graph.outputs = {b.scaling(b.input({1, 0, 3, 2}), 2, 1)};
  auto plan = build(b.graph);
  run(plan.get(), {});
}

TEST(ChwLayout, IsEmptyForAnEmptyTensor) {
  EXPECT_EQ(chw_layout({4, 0, 3, 8}).elements(), 0u);
  EXPECT_EQ(chw_layout({4, 0, 8}).elements(), 0u);
}

TEST(PlaneStride, SpreadsPlanesOverTheCache) {
  EXPECT_EQ(plane_stride(1), 1);
  for (std::size_t pixels = 2; pixels < 20000; pixels += 7) {
    const std::size_t stride = plane_stride(pixels);
    EXPECT_GE(stride, pixels);
    EXPECT_EQ(stride % 16, 0);
    EXPECT_EQ((stride / 16) % 2, 1);
    EXPECT_LT(stride, pixels + 32);
  }
}

}  // namespace
