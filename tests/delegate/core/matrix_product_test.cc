// BATCH_MATMUL, as plans of one node, against a loop.
#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "delegate/core/operators/weighted/batch_matmul.h"
#include "gtest/gtest.h"
#include "tests/delegate/core/buffers.h"
#include "tests/delegate/core/graph_builder.h"
#include "tests/delegate/core/run_plan.h"

namespace tfsparse {
namespace {

using testing::build;
using testing::GraphBuilder;
using testing::Random;

// The leading dimensions of two operands, and the sizes of their product.
struct Case {
  Shape a, b;
  int rows, columns, depth;
};

Shape matrices(Shape leading, int rows, int columns, bool transposed) {
  leading.push_back(transposed ? columns : rows);
  leading.push_back(transposed ? rows : columns);
  return leading;
}

std::vector<float> random_values(const Shape& shape, Random* random) {
  std::vector<float> values(element_count(shape));
  for (float& value : values) value = random->normal();
  return values;
}

// The matrix of an operand for this one of y.
int matrix_of(int index, const Shape& leading, const Shape& operand) {
  int matrix = 0, factor = 1;
  for (std::size_t i = 1; i <= operand.size(); ++i) {
    const int size = leading[leading.size() - i], own = operand[operand.size() - i];
    matrix += index % size % own * factor;
    index /= size;
    factor *= own;
  }
  return matrix;
}

Shape leading_shape(const Case& c) {
  Shape leading(std::max(c.a.size(), c.b.size()), 1);
  for (const Shape* operand : {&c.a, &c.b}) {
    for (std::size_t i = 1; i <= operand->size(); ++i) {
      int& size = leading[leading.size() - i];
      size = std::max(size, (*operand)[operand->size() - i]);
    }
  }
  return leading;
}

std::vector<float> multiply(const Case& c, bool transposes_a, bool transposes_b,
                            const std::vector<float>& a, const std::vector<float>& b) {
  const Shape leading = leading_shape(c);
  std::vector<float> y;
  for (int i = 0; i < element_count(leading); ++i) {
    const float* x = a.data() + matrix_of(i, leading, c.a) * c.rows * c.depth;
    const float* w = b.data() + matrix_of(i, leading, c.b) * c.depth * c.columns;
    for (int row = 0; row < c.rows; ++row) {
      for (int column = 0; column < c.columns; ++column) {
        double sum = 0;
        for (int k = 0; k < c.depth; ++k) {
          sum += 1.0 * x[transposes_a ? k * c.rows + row : row * c.depth + k] *
                 w[transposes_b ? column * c.depth + k : k * c.columns + column];
        }
        y.push_back(static_cast<float>(sum));
      }
    }
  }
  return y;
}

// Which operand is a constant.
enum class Constant { kNone, kFirst, kSecond };

void check(const Case& c, bool transposes_a, bool transposes_b, Constant constant) {
  const Shape a = matrices(c.a, c.rows, c.depth, transposes_a);
  const Shape b = matrices(c.b, c.depth, c.columns, transposes_b);
  Random random(1);
  const std::vector<float> x = random_values(a, &random), w = random_values(b, &random);
  GraphBuilder g;
  const int left = constant == Constant::kFirst ? g.constant(a, x) : g.input(a);
  const int right = constant == Constant::kSecond ? g.constant(b, w) : g.input(b);
  g.graph.outputs = {g.node(BatchMatMul(transposes_a, transposes_b), {left, right}).output};
  std::vector<const void*> inputs;
  if (constant != Constant::kFirst) inputs.push_back(x.data());
  if (constant != Constant::kSecond) inputs.push_back(w.data());
  const std::vector<float> expected = multiply(c, transposes_a, transposes_b, x, w);
  for (const int threads : {1, 2}) {
    const auto plan = build(g.graph, threads);
    const Shape shape = matrices(leading_shape(c), c.rows, c.columns, false);
    ASSERT_EQ(plan->output_shapes()[0], shape);
    std::vector<float> y(expected.size());
    ThreadPool pool(threads);
    plan->run(&pool, inputs, {y.data()});
    for (std::size_t i = 0; i < y.size(); ++i) {
      ASSERT_NEAR(y[i], expected[i], 1e-5 * c.depth) << to_string(a) << " * " << to_string(b);
    }
  }
}

const Case kCases[] = {
    {{}, {}, 3, 5, 2},
    {{2}, {2}, 1, 1, 1},
    {{1, 3}, {1, 3}, 37, 19, 8},
    {{3, 1}, {2}, 4, 17, 3},
    {{1, 2}, {2, 1}, 6, 33, 5},
    {{}, {2, 2, 2}, 70, 3, 40},
    {{2, 1, 2}, {1, 1}, 9, 16, 1},
    {{2}, {1}, 197, 64, 70},
};

TEST(BatchMatMul, MultipliesAnyOrientations) {
  for (const Case& c : kCases) {
    for (const bool transposes_a : {false, true}) {
      for (const bool transposes_b : {false, true}) {
        for (const Constant constant : {Constant::kNone, Constant::kFirst, Constant::kSecond}) {
          check(c, transposes_a, transposes_b, constant);
        }
      }
    }
  }
}

// The kernel of a product with a constant of ten numbers, five of them zero.
std::string kernel_of(const Shape& x, const Shape& constant, bool transposed) {
  GraphBuilder g;
  const int w = g.constant(constant, {1, 0, 2, 0, 3, 0, 4, 0, 5, 0});
  g.graph.outputs = {g.node(BatchMatMul(false, transposed), {g.input(x), w}).output};
  const auto plan = build(g.graph);
  for (const auto& step : plan->steps()) {
    if (step->parts[0].macs > 0) return step->parts[0].kernel;
  }
  return "";
}

TEST(BatchMatMul, SkipsTheZerosOfAConstantMatrix) {
  EXPECT_EQ(kernel_of({3, 5}, {5, 2}, false).rfind("sparse", 0), 0u);
  EXPECT_EQ(kernel_of({3, 5}, {2, 5}, true).rfind("sparse", 0), 0u);
  EXPECT_EQ(kernel_of({2, 4, 3, 5}, {1, 1, 5, 2}, false).rfind("sparse", 0), 0u);
  EXPECT_EQ(kernel_of({5, 1, 2}, {5, 2, 1}, false), "matrix product");
}

TEST(BatchMatMul, RejectsSizesThatDoNotFit) {
  for (const auto& [a, b] : std::vector<std::pair<Shape, Shape>>{
           {{2, 3}, {2, 3}}, {{3}, {3, 2}}, {{2, 3}, {3}}, {{2, 1, 3}, {3, 3, 1}}}) {
    GraphBuilder g;
    g.graph.outputs = {g.node(BatchMatMul(), {g.input(a), g.input(b)}).output};
    std::unique_ptr<Plan> plan;
    EXPECT_FALSE(Plan::build(g.graph, best_kernels(), 1, &plan).ok()) << to_string(a);
  }
}

}  // namespace
}  // namespace tfsparse
