// The transposed convolution step against a scattering loop, the definition of the operator, over
// random sizes.
#include "delegate/core/operators/weighted/transpose_convolution.h"

#include <cmath>
#include <vector>

#include "delegate/core/graph/infer.h"
#include "delegate/core/plan/plan.h"
#include "delegate/kernels/reference.h"
#include "gtest/gtest.h"
#include "tests/delegate/core/scatter.h"
#include "tests/delegate/kernels/kernel_cases.h"

namespace tfsparse {
namespace {

using testing::Random;

class TransposeConv : public ::testing::TestWithParam<const Kernels*> {};
INSTANTIATE_TEST_SUITE_P(Cpu, TransposeConv, ::testing::ValuesIn(supported_kernels()),
                         testing::name_of_kernels);

// A graph of one transposed convolution and its values.
struct Case {
  Graph graph;
  Shape x_shape, w_shape, y_shape;
  std::vector<float> x, w, bias;
  std::vector<std::int32_t> size;

  explicit Case(Random& random) {
    TransposeConvolution op;
    Window& window = op.window;
    window.padding = random.chance(0.5) ? Padding::kSame : Padding::kValid;
    window.stride_h = random.between(1, 4);
    window.stride_w = random.between(1, 4);
    op.epilogue = random.epilogue();
    x_shape = {random.between(1, 2), random.between(1, 9), random.between(1, 40),
               random.between(1, 5)};
    w_shape = {random.chance(0.1) ? random.between(64, 140) : random.between(1, 9),
               random.between(1, 5), random.between(1, 5), x_shape[3]};
    y_shape = {x_shape[0], length(random, window.padding, x_shape[1], w_shape[1], window.stride_h),
               length(random, window.padding, x_shape[2], w_shape[2], window.stride_w), w_shape[0]};
    size.assign(y_shape.begin(), y_shape.end());
    fill(random, &x, x_shape, 1.0);
    fill(random, &w, w_shape, random.chance(0.5) ? 0.2 : 1.0);
    fill(random, &bias, {w_shape[0]}, 1.0);

    graph.tensors.resize(5);
    set(0, DType::kFloat32, x_shape, nullptr, 0);
    set(1, DType::kFloat32, w_shape, w.data(), w.size());
    set(2, DType::kFloat32, {w_shape[0]}, bias.data(), bias.size());
    set(3, DType::kInt32, {4}, size.data(), size.size());
    set(4, DType::kFloat32, {}, nullptr, 0);
    Node node;
    node.op = op;
    node.type = "TRANSPOSE_CONV";
    node.inputs = {0, 1, random.chance(0.7) ? 2 : -1, 3};
    node.output = 4;
    graph.nodes = {node};
    graph.inputs = {0};
    graph.outputs = {4};
  }

 private:
  // An image length for which a convolution gives n.
  static int length(Random& random, Padding padding, int n, int kernel, int stride) {
    const int least = padding == Padding::kSame ? (n - 1) * stride + 1 : (n - 1) * stride + kernel;
    return least + random.between(0, stride - 1);
  }
  static void fill(Random& random, std::vector<float>* values, const Shape& shape, double density) {
    values->resize(static_cast<std::size_t>(element_count(shape)));
    for (float& v : *values) v = random.chance(density) ? random.normal() : 0.0f;
  }
  void set(int i, DType type, const Shape& shape, const void* data, std::size_t count) {
    graph.tensors[i].type = type;
    graph.tensors[i].shape = shape;
    graph.tensors[i].data = data;
    graph.tensors[i].bytes = 4 * count;
  }
};

// The result before the activation.
std::vector<double> scatter(const Case& c, const Node& node) {
  const Shape& y = c.y_shape;
  const Window& window = as<TransposeConvolution>(node)->window;
  std::vector<double> sums(static_cast<std::size_t>(element_count(y)));
  for (std::size_t i = 0; i < sums.size(); ++i) {
    sums[i] = node.inputs[2] >= 0 ? c.bias[i % y[3]] : 0.0f;
  }
  testing::for_each_scattered(window, c.x_shape, c.w_shape, y, [&](int x, int w, int to) {
    sums[to] += static_cast<double>(c.w[w]) * c.x[x];
  });
  return sums;
}

TEST_P(TransposeConv, AgreesWithScattering) {
  Random random(7);
  for (int i = 0; i < 150; ++i) {
    Case c(random);
    std::unique_ptr<Plan> plan;
    const int threads = random.between(1, 3);
    ASSERT_TRUE(Plan::build(c.graph, *GetParam(), threads, &plan).ok());
    ASSERT_EQ(plan->output_shapes()[0], c.y_shape);
    ASSERT_TRUE(infer_shapes(&c.graph).ok());
    const std::vector<double> expected = scatter(c, c.graph.nodes[0]);
    const Epilogue& epilogue = as<TransposeConvolution>(c.graph.nodes[0])->epilogue;
    std::vector<float> y(expected.size());
    ThreadPool pool(threads);
    plan->run(&pool, {c.x.data()}, {y.data()});
    for (std::size_t j = 0; j < y.size(); ++j) {
      ASSERT_TRUE(testing::near(y[j], reference::apply(epilogue, expected[j]), 1e-4));
    }
  }
}

}  // namespace
}  // namespace tfsparse
