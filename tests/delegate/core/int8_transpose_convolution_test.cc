// Transposed convolutions of int8 tensors against a scattering loop, the definition of the
// operator, over random sizes.
#include <cmath>
#include <string>
#include <vector>

#include "delegate/core/graph/infer.h"
#include "delegate/core/operators/weighted/transpose_convolution.h"
#include "delegate/core/plan/plan.h"
#include "delegate/core/steps/int8/transpose_convolution.h"
#include "delegate/core/weights/int8_product.h"
#include "delegate/kernels/int8/reference.h"
#include "gtest/gtest.h"
#include "tests/delegate/core/graph_builder.h"
#include "tests/delegate/core/run_plan.h"
#include "tests/delegate/core/scatter.h"
#include "tests/delegate/kernels/kernel_cases.h"

namespace tfsparse {
namespace {

using testing::Random;

constexpr float kInput = 0.05f, kOutput = 0.04f;
constexpr int kInputZero = 3, kOutputZero = -7;

class Int8TransposeConv : public ::testing::TestWithParam<const Kernels*> {};
INSTANTIATE_TEST_SUITE_P(Cpu, Int8TransposeConv, ::testing::ValuesIn(supported_kernels()),
                         testing::name_of_kernels);

// A graph of one transposed convolution and its values.
struct Case {
  testing::GraphBuilder builder;
  Shape x_shape, w_shape, y_shape;
  std::vector<std::int8_t> x, w;
  std::vector<float> scales;
  std::vector<std::int32_t> bias;
  TransposeConvolution op;

  explicit Case(Random& random) {
    Window& window = op.window;
    window.padding = random.chance(0.5) ? Padding::kSame : Padding::kValid;
    window.stride_h = random.between(1, 4);
    window.stride_w = random.between(1, 4);
    if (random.chance(0.5)) op.epilogue.lo = 0;
    x_shape = {random.between(1, 2), random.between(1, 9), random.between(1, 40),
               random.between(1, 9)};
    w_shape = {random.between(1, 11), random.between(1, 5), random.between(1, 5), x_shape[3]};
    y_shape = {x_shape[0], length(random, window.padding, x_shape[1], w_shape[1], window.stride_h),
               length(random, window.padding, x_shape[2], w_shape[2], window.stride_w), w_shape[0]};
    fill(random, x_shape, 0, &x);
    fill(random, w_shape, random.chance(0.5) ? 0.8 : 0, &w);
    const int count = random.chance(0.5) ? w_shape[0] : 1;
    for (int i = 0; i < count; ++i) scales.push_back(1e-3f * random.between(1, 9));
    if (random.chance(0.7)) {
      for (int i = 0; i < w_shape[0]; ++i) bias.push_back(random.between(-5000, 5000));
    }
    add_node();
  }

  const Graph& graph() const { return builder.graph; }
  float multiplier(int output) const { return kInput * scales[output % scales.size()] / kOutput; }

 private:
  // An image length for which a convolution gives n.
  static int length(Random& random, Padding padding, int n, int kernel, int stride) {
    const int least = padding == Padding::kSame ? (n - 1) * stride + 1 : (n - 1) * stride + kernel;
    return least + random.between(0, stride - 1);
  }
  static void fill(Random& random, const Shape& shape, double zeros,
                   std::vector<std::int8_t>* codes) {
    codes->resize(static_cast<std::size_t>(element_count(shape)));
    for (std::int8_t& code : *codes) {
      code = static_cast<std::int8_t>(random.chance(zeros) ? 0 : random.between(-127, 127));
    }
  }
  void add_node() {
    const int image = builder.quantize(builder.input(x_shape), kInput, kInputZero);
    const int weights = builder.int8_weights(w_shape, w, scales);
    const int sums = bias.empty() ? -1 : builder.ints(bias);
    const int size = builder.ints({y_shape.begin(), y_shape.end()});
    const int y = builder.node(op, {image, weights, sums, size}).output;
    builder.graph.outputs = {builder.quantize(y, kOutput, kOutputZero)};
  }
};

std::vector<std::int32_t> scatter(const Case& c, const Window& window) {
  const Shape& y = c.y_shape;
  std::vector<std::int32_t> sums(static_cast<std::size_t>(element_count(y)));
  for (std::size_t i = 0; i < sums.size(); ++i) sums[i] = c.bias.empty() ? 0 : c.bias[i % y[3]];
  testing::for_each_scattered(window, c.x_shape, c.w_shape, y, [&](int x, int w, int to) {
    sums[to] += c.w[w] * (c.x[x] - kInputZero);
  });
  return sums;
}

TEST_P(Int8TransposeConv, ComputesTheSumsExactly) {
  Random random(11);
  const int8::Kernels& kernels = int8::kernels_beside(*GetParam());
  for (int i = 0; i < 150; ++i) {
    Case c(random);
    std::unique_ptr<Plan> plan;
    const int threads = random.between(1, 3);
    ASSERT_TRUE(Plan::build(c.graph(), *GetParam(), threads, &plan).ok());
    ASSERT_EQ(plan->output_shapes()[0], c.y_shape);
    ASSERT_NE(plan->steps()[1]->parts[0].kernel.find(" int8 "), std::string::npos);
    Graph inferred = c.graph();
    ASSERT_TRUE(infer_shapes(&inferred).ok());
    const auto sums = scatter(c, as<TransposeConvolution>(inferred.nodes[0])->window);
    const int8::Output output = output_of(inferred.tensors[inferred.outputs[0]], c.op.epilogue);
    std::vector<std::int8_t> y(sums.size());
    ThreadPool pool(threads);
    plan->run(&pool, {c.x.data()}, {y.data()});
    for (std::size_t j = 0; j < y.size(); ++j) {
      const int o = static_cast<int>(j) % c.y_shape[3];
      ASSERT_EQ(y[j], int8::reference::finish(sums[j], c.multiplier(o), output, kernels));
    }
  }
}

// A layer with this kernel and stride, of an image of 2x2, with these weights.
Graph layer(testing::GraphBuilder* b, int kernel, int stride, int outputs,
            std::vector<std::int8_t> weights) {
  const int inputs = static_cast<int>(weights.size()) / outputs / kernel / kernel;
  TransposeConvolution op;
  op.window.padding = Padding::kSame;
  op.window.stride_h = op.window.stride_w = stride;
  const int x = b->quantize(b->input({1, 2, 2, inputs}), kInput, kInputZero);
  const int w = b->int8_weights({outputs, kernel, kernel, inputs}, std::move(weights), {0.01f});
  const int size = b->ints({1, 2 * stride, 2 * stride, outputs});
  b->graph.outputs = {b->quantize(b->node(op, {x, w, -1, size}).output, kOutput)};
  return b->graph;
}

std::string kernel_of(const Graph& graph) {
  return testing::build(graph)->steps()[1]->parts[0].kernel;
}

TEST(Int8TransposeConv, IsSparseByItsOwnZeros) {
  std::vector<std::int8_t> weights(3 * 5 * 5 * 8, 1);
  testing::GraphBuilder dense, sparse;
  EXPECT_EQ(kernel_of(layer(&dense, 5, 2, 3, weights)).find("dense int8"), 0u);
  std::fill_n(weights.begin(), 160, 0);
  EXPECT_EQ(kernel_of(layer(&sparse, 5, 2, 3, weights)).find("sparse int8"), 0u);
}

TEST(Int8TransposeConv, CountsTheProductsOfItsOwnWeights) {
  testing::GraphBuilder b;
  const Graph graph = layer(&b, 4, 2, 3, std::vector<std::int8_t>(3 * 4 * 4 * 8, 1));
  EXPECT_EQ(testing::build(graph)->steps()[1]->parts[0].macs, 2 * 2 * 3 * 4 * 4 * 8);
}

TEST(Int8TransposeConv, ComputesInFloatWithAFarLongerStride) {
  const auto is_int8 = [](int stride, int outputs, int inputs) {
    testing::GraphBuilder b;
    Graph graph = layer(&b, 1, stride, outputs, std::vector<std::int8_t>(outputs * inputs, 1));
    EXPECT_TRUE(infer_shapes(&graph).ok());
    EXPECT_EQ(graph.nodes[0].op->widens_int8(graph, graph.nodes[0]),
              !has_int8_transpose_convolution(graph, graph.nodes[0]));
    return has_int8_transpose_convolution(graph, graph.nodes[0]);
  };
  EXPECT_TRUE(is_int8(32, 21, 21));
  EXPECT_TRUE(is_int8(128, 1, 1024));
  EXPECT_FALSE(is_int8(128, 1, 1025));  // more weights
  EXPECT_FALSE(is_int8(129, 1, 1));     // more channels
}

TEST(Int8TransposeConv, LeavesWhatNoSumCanHold) {
  testing::GraphBuilder b;
  Graph graph = layer(&b, 1, 2, 1, {127, 127, 127, 127});
  for (const int tensor : {0, 1}) b.quantize(tensor, 1e6f);
  graph = b.graph;
  std::unique_ptr<Plan> plan;
  const Status status = Plan::build(graph, best_kernels(), 1, &plan);
  EXPECT_EQ(status.message(), "a sum of products may exceed 32 bits");
  EXPECT_EQ(status.node(), 0);
}

}  // namespace
}  // namespace tfsparse
