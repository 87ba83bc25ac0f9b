// The predicted work of TFLite's default for a graph, and its time on a given processor.
#include "delegate/core/assignment/estimate.h"

#include "delegate/core/graph/infer.h"
#include "delegate/core/operators/images/pad.h"
#include "delegate/core/operators/weighted/transpose_convolution.h"
#include "gtest/gtest.h"
#include "tests/delegate/core/graph_builder.h"

namespace tfsparse {
namespace {

using testing::GraphBuilder;

// 1 ns per vector of MACs and per four numbers of a pass of any size.
Speed speed() { return {1e-9, {1e3, 1e6}, {0.25e-6, 0.25e-3}}; }

double seconds(GraphBuilder* b, int threads = 1) {
  EXPECT_TRUE(infer_shapes(&b->graph).ok());
  return predict_default_seconds(predict_default_work(b->graph), speed(), threads);
}

int convolution(GraphBuilder* b, int x, int inputs, int outputs, int size) {
  const std::vector<float> weights(inputs * outputs * size * size, 1.0f);
  return b->node(Convolution(), {x, b->constant({outputs, size, size, inputs}, weights)}).output;
}

double pointwise_seconds(int pixels, int inputs, int outputs, int threads = 1) {
  GraphBuilder b;
  convolution(&b, b.input({1, pixels, 1, inputs}), inputs, outputs, 1);
  return seconds(&b, threads);
}

TEST(PredictDefault, MostlyCountsTheMacsOfAConvolution) {
  const double vectors = 1000.0 * 128 * 128 / best_kernels().lanes;
  EXPECT_NEAR(pointwise_seconds(1000, 128, 128) / (1e-9 * vectors), 1.25, 0.15);
  EXPECT_NEAR(pointwise_seconds(2000, 128, 128) / pointwise_seconds(1000, 128, 128), 2, 0.05);
  EXPECT_NEAR(pointwise_seconds(1000, 256, 128) / pointwise_seconds(1000, 128, 128), 2, 0.1);
}

TEST(PredictDefault, FillsVectorsUp) {
  const int lanes = best_kernels().lanes;
  EXPECT_NEAR(pointwise_seconds(1000, 64, lanes + 1) / pointwise_seconds(1000, 64, 2 * lanes), 1,
              0.05);
}

TEST(PredictDefault, ThreadsShareTheWork) {
  EXPECT_NEAR(pointwise_seconds(1000, 64, 64, 1) / pointwise_seconds(1000, 64, 64, 2), 1.85, 1e-9);
}

TEST(PredictDefault, SingleRowsAreBoundByTheirWeights) {
  GraphBuilder b;
  b.node(FullyConnected(),
         {b.input({1, 1000}), b.constant({1000, 1000}, std::vector<float>(1000000, 1.0f))});
  EXPECT_GT(seconds(&b), 0.25e-9 * 1e6);
  EXPECT_LT(seconds(&b), 0.3e-9 * 1e6 + 1.3e-9 * 1e6 / best_kernels().lanes);
}

// A 2x2 kernel with stride 2 has one tap for each output pixel.
TEST(PredictDefault, PixelsOfAnInt8TransposedConvolutionReadTheTapsOfTheirPhase) {
  constexpr int kInputs = 128, kOutputs = 64, kRows = 20, kPixels = 4 * kRows * kRows;
  const auto weights = [](GraphBuilder* b, int kernel) {
    const std::vector<std::int8_t> codes(kOutputs * kernel * kernel * kInputs, 1);
    return b->int8_weights({kOutputs, kernel, kernel, kInputs}, codes, {1.0f});
  };
  GraphBuilder transposed, pointwise;
  TransposeConvolution op;
  op.window.padding = Padding::kSame;
  op.window.stride_h = op.window.stride_w = 2;
  GraphBuilder* b = &transposed;
  const int x = b->quantize(b->input({1, kRows, kRows, kInputs}), 1.0f);
  const int size = b->ints({1, 2 * kRows, 2 * kRows, kOutputs});
  b->quantize(b->node(op, {x, weights(b, 2), -1, size}).output, 1.0f);
  b = &pointwise;
  const int larger = b->quantize(b->input({1, 2 * kRows, 2 * kRows, kInputs}), 1.0f);
  b->quantize(b->node(Convolution(), {larger, weights(b, 1)}).output, 1.0f);
  const double more = seconds(&transposed) - seconds(&pointwise);
  EXPECT_NEAR(more / kPixels, 50e-9, 10e-9);
}

TEST(PredictDefault, PaddingOfAConvolutionCostsNothing) {
  const auto padded = [](bool also_read_elsewhere) {
    GraphBuilder b;
    const int x = b.node(Pad(), {b.input({1, 32, 32, 8}), b.ints({0, 0, 1, 1, 1, 1, 0, 0})}).output;
    convolution(&b, x, 8, 8, 3);
    if (also_read_elsewhere) b.graph.outputs.push_back(x);
    EXPECT_TRUE(infer_shapes(&b.graph).ok());
    return predict_default_work(b.graph).size();
  };
  EXPECT_EQ(padded(false), 1u);
  EXPECT_EQ(padded(true), 2u);
}

TEST(PredictDefault, ShapesAndStoredConstantsCostNothing) {
  GraphBuilder b;
  b.reshape(b.input({1, 4, 4, 8}), {16, 8});
  EXPECT_EQ(seconds(&b), 0);
}

}  // namespace
}  // namespace tfsparse
