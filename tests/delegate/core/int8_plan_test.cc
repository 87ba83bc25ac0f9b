// Plans of int8 graphs: their results against the same arithmetic in real numbers.
#include <algorithm>
#include <cmath>
#include <random>

#include "delegate/core/operators/elementwise/quantize.h"
#include "delegate/core/operators/images/resize.h"
#include "delegate/core/operators/shapes/reduction.h"
#include "delegate/core/operators/weighted/depthwise_convolution.h"
#include "delegate/core/plan/plan.h"
#include "gtest/gtest.h"
#include "tests/delegate/core/graph_builder.h"
#include "tests/delegate/core/run_plan.h"

namespace tfsparse {
namespace {

using testing::build;
using testing::GraphBuilder;

constexpr float kScale = 0.05f;
constexpr int kZeroPoint = -7;

std::vector<std::int8_t> random_codes(std::size_t count, double zeros = 0) {
  std::mt19937 engine(static_cast<unsigned>(count));
  std::bernoulli_distribution is_zero(zeros);
  std::vector<std::int8_t> codes(count);
  for (std::int8_t& code : codes) {
    code = is_zero(engine) ? 0 : static_cast<std::int8_t>(static_cast<int>(engine() % 255) - 127);
  }
  return codes;
}

std::vector<std::int8_t> run_codes(const Graph& graph, const std::vector<std::int8_t>& x,
                                   int threads = 1) {
  const auto plan = build(graph, threads);
  std::vector<std::int8_t> y(element_count(plan->output_shapes()[0]));
  ThreadPool pool(threads);
  plan->run(&pool, {x.data()}, {y.data()});
  return y;
}

// A convolution or depthwise convolution of random codes, in real numbers.
struct Case {
  int size, channels, outputs, kernel, stride;
  bool depthwise = false;
  double zeros = 0.7;

  std::vector<std::int8_t> x() const { return random_codes(size * size * channels); }
  std::vector<std::int8_t> weights() const {
    return random_codes(kernel * kernel * (depthwise ? outputs : channels * outputs), zeros);
  }
  float weight_scale(int output) const { return 0.001f * (1 + output % 5); }
  int out() const { return (size - kernel) / stride + 1; }

  double pixel(const std::vector<std::int8_t>& x, int row, int column, int channel) const {
    return kScale * (x[(row * size + column) * channels + channel] - kZeroPoint);
  }
  double weight(const std::vector<std::int8_t>& w, int o, int dy, int dx, int c) const {
    const int at = depthwise ? (dy * kernel + dx) * outputs + o
                             : ((o * kernel + dy) * kernel + dx) * channels + c;
    return weight_scale(o) * w[at];
  }
  double sum(int row, int column, int o) const {
    const auto input = x(), filter = weights();
    double total = 0;
    for (int dy = 0; dy < kernel; ++dy) {
      for (int dx = 0; dx < kernel; ++dx) {
        for (int c = depthwise ? o : 0; c < (depthwise ? o + 1 : channels); ++c) {
          total += pixel(input, row * stride + dy, column * stride + dx, c) *
                   weight(filter, o, dy, dx, c);
        }
      }
    }
    return total;
  }
};

// Adds the layer of a case to a graph. Returns its output.
int add_layer(const Case& c, int x, GraphBuilder* b) {
  std::vector<float> scales;
  for (int o = 0; o < c.outputs; ++o) scales.push_back(c.weight_scale(o));
  Window window;
  window.stride_h = window.stride_w = c.stride;
  const Shape shape = c.depthwise ? Shape{1, c.kernel, c.kernel, c.outputs}
                                  : Shape{c.outputs, c.kernel, c.kernel, c.channels};
  const int weights = b->int8_weights(shape, c.weights(), scales, c.depthwise ? 3 : 0);
  if (c.depthwise) {
    DepthwiseConvolution op;
    op.window = window;
    return b->quantize(b->node(op, {x, weights}).output, 0.1f, 3);
  }
  Convolution op;
  op.window = window;
  return b->quantize(b->node(op, {x, weights}).output, 0.1f, 3);
}

class Int8Layers : public ::testing::TestWithParam<Case> {};

TEST_P(Int8Layers, AreWithinOneStepOfRealNumbers) {
  const Case& c = GetParam();
  GraphBuilder b;
  const int x = b.quantize(b.input({1, c.size, c.size, c.channels}), kScale, kZeroPoint);
  b.graph.outputs = {add_layer(c, x, &b)};
  for (int threads : {1, 2}) {
    const auto y = run_codes(b.graph, c.x(), threads);
    ASSERT_EQ(y.size(), static_cast<std::size_t>(c.out()) * c.out() * c.outputs);
    for (int row = 0; row < c.out(); ++row) {
      for (int column = 0; column < c.out(); ++column) {
        for (int o = 0; o < c.outputs; ++o) {
          const double code = std::clamp(c.sum(row, column, o) / 0.1 + 3, -128.0, 127.0);
          EXPECT_NEAR(y[(row * c.out() + column) * c.outputs + o], code, 0.51);
        }
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Cases, Int8Layers,
                         ::testing::Values(Case{5, 16, 12, 1, 1}, Case{7, 3, 8, 3, 2},
                                           Case{6, 10, 7, 3, 1}, Case{9, 8, 4, 5, 2, false, 0},
                                           Case{7, 10, 10, 3, 1, true},
                                           Case{8, 12, 12, 5, 2, true}));

TEST(Int8Plan, AddsAResidualInTheConvolution) {
  const Case c{4, 8, 8, 1, 1};
  GraphBuilder b;
  const int x = b.quantize(b.input({1, 4, 4, 8}), kScale, kZeroPoint);
  const int y = add_layer(c, x, &b);
  b.graph.outputs = {b.quantize(b.binary(y, x, Binary::kAdd), 0.2f, 1)};
  const auto plan = build(b.graph);
  for (const auto& step : plan->steps()) EXPECT_NE(step->parts[0].kernel, "int8 add");
  const auto codes = run_codes(b.graph, c.x());
  for (int pixel = 0; pixel < 16; ++pixel) {
    for (int o = 0; o < 8; ++o) {
      const double sum =
          std::clamp(std::round(c.sum(pixel / 4, pixel % 4, o) / 0.1), -131.0, 124.0);
      const double value = 0.1 * sum + c.pixel(c.x(), pixel / 4, pixel % 4, o);
      EXPECT_NEAR(codes[pixel * 8 + o], std::clamp(value / 0.2 + 1, -128.0, 127.0), 1);
    }
  }
}

TEST(Int8Plan, MultipliesOneRowByAMatrix) {
  const auto weights = random_codes(70 * 33, 0.5), x = random_codes(33);
  GraphBuilder b;
  const int row = b.quantize(b.input({1, 33}), kScale, kZeroPoint);
  const int matrix = b.int8_weights({70, 33}, weights, {0.002f});
  b.graph.outputs = {b.quantize(b.node(FullyConnected(), {row, matrix}).output, 0.1f, -5)};
  for (int threads : {1, 2}) {
    const auto y = run_codes(b.graph, x, threads);
    for (int o = 0; o < 70; ++o) {
      double sum = 0;
      for (int i = 0; i < 33; ++i)
        sum += 0.002 * weights[o * 33 + i] * kScale * (x[i] - kZeroPoint);
      EXPECT_NEAR(y[o], std::clamp(sum / 0.1 - 5, -128.0, 127.0), 0.51);
    }
  }
}

TEST(Int8Plan, ChangesBetweenFloatAndInt8) {
  GraphBuilder b;
  const int x = b.input({1, 3});
  const int codes = b.quantize(b.node(Quantize(), {x}).output, 0.5f, 2);
  b.graph.outputs = {b.node(Quantize(), {codes}).output};
  EXPECT_EQ(testing::run(b.graph, {-1000, 0.3f, 0.8f}), (std::vector<float>{-65, 0.5f, 1}));
}

TEST(Int8Plan, LooksFunctionsUp) {
  GraphBuilder b;
  const int x = b.quantize(b.input({1, 5}), 0.1f, 0);
  UnaryOperator sigmoid;
  sigmoid.epilogue.activation = Activation::kSigmoid;
  b.graph.outputs = {b.quantize(b.node(sigmoid, {x}).output, 1 / 256.0f, -128)};
  EXPECT_EQ(run_codes(b.graph, {-128, -10, 0, 10, 127}),
            (std::vector<std::int8_t>{-128, -59, 0, 59, 127}));
}

TEST(Int8Plan, MultipliesScalars) {
  GraphBuilder b;
  const int x = b.quantize(b.input({}), 0.1f, 0);
  b.graph.outputs = {b.quantize(b.binary(x, x, Binary::kMul), 1.0f, 0)};
  EXPECT_EQ(run_codes(b.graph, {50}), (std::vector<std::int8_t>{25}));
}

TEST(Int8Plan, ResizesARow) {
  const auto resized = [](Interpolation interpolation) {
    GraphBuilder b;
    const int x = b.quantize(b.input({1, 1, 2, 1}), 0.1f, 7);
    const int y = b.node(Resize(interpolation), {x, b.ints({1, 4})}).output;
    b.graph.outputs = {b.quantize(y, 0.1f, 7)};
    return run_codes(b.graph, {0, 101});
  };
  EXPECT_EQ(resized(Interpolation::kBilinear), (std::vector<std::int8_t>{0, 51, 101, 101}));
  EXPECT_EQ(resized(Interpolation::kNearest), (std::vector<std::int8_t>{0, 0, 101, 101}));
}

TEST(Int8Plan, MultipliesNegativeNumbersBySlopes) {
  const auto prelu = [](const Shape& shape, const std::vector<std::int8_t>& slopes) {
    GraphBuilder b;
    const int x = b.quantize(b.input({1, 1, 2, 2}), 0.1f, 3);
    const int y = b.binary(x, b.int8_weights(shape, slopes, {0.25f}), Binary::kPrelu);
    b.graph.outputs = {b.quantize(y, 0.1f, -1)};
    return run_codes(b.graph, {13, -5, -17, 23});
  };
  EXPECT_EQ(prelu({2}, {1, 4}), (std::vector<std::int8_t>{9, -9, -6, 19}));
  EXPECT_EQ(prelu({}, {1}), (std::vector<std::int8_t>{9, -3, -6, 19}));
}

TEST(Int8Plan, LeavesWhatNoSumCanHold) {
  GraphBuilder b;
  const int x = b.quantize(b.input({1, 1, 1, 4}), 1e6f);
  const int weights = b.int8_weights({1, 1, 1, 4}, {127, 127, 127, 127}, {1e6f});
  b.graph.outputs = {b.quantize(b.node(Convolution(), {x, weights}).output, 1e-6f)};
  std::unique_ptr<Plan> plan;
  const Status status = Plan::build(b.graph, best_kernels(), 1, &plan);
  EXPECT_EQ(status.message(), "a sum of products may exceed 32 bits");
  EXPECT_EQ(status.node(), 0);
}

}  // namespace
}  // namespace tfsparse
