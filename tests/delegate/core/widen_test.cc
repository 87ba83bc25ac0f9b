// int8 operators that are computed in float between two conversions.
#include "delegate/core/rewriting/widen.h"

#include <string>
#include <vector>

#include "delegate/core/graph/infer.h"
#include "delegate/core/operators/elementwise/quantize.h"
#include "gtest/gtest.h"
#include "tests/delegate/core/graph_builder.h"
#include "tests/delegate/core/run_plan.h"

namespace tfsparse {
namespace {

using testing::build;
using testing::GraphBuilder;

// Widens a graph. Returns its operators by kind: "q" for a conversion, "n" for any other.
std::string widened(Graph graph) {
  EXPECT_TRUE(infer_shapes(&graph).ok());
  widen(&graph);
  std::string kinds;
  for (const Node& node : graph.nodes) kinds += as<Quantize>(node) != nullptr ? "q" : "n";
  return kinds;
}

TEST(Widen, ConvertsEveryInputOnceAndTheOutput) {
  GraphBuilder b;
  const int x = b.input({1, 4}), y = b.input({1, 4});
  const int product = b.binary(x, y, Binary::kMax), square = b.binary(x, x, Binary::kMax);
  for (int tensor : {x, y, product, square}) b.quantize(tensor, 0.5f, 0);
  b.graph.outputs = {product, square};
  EXPECT_EQ(widened(b.graph), "qqnqnq");
}

TEST(Widen, LeavesWhatHasAKernel) {
  GraphBuilder b;
  const int x = b.input({1, 4}), y = b.input({1, 4});
  const int sum = b.binary(x, y, Binary::kAdd);
  for (int tensor : {x, y, sum}) b.quantize(tensor, 0.5f, 0);
  b.graph.outputs = {sum};
  EXPECT_EQ(widened(b.graph), "n");
}

TEST(Widen, MultipliesWhatCodesStandFor) {
  GraphBuilder b;
  const int x = b.input({1, 2, 2}), y = b.input({1, 2, 1});  // a factor for each row
  const int product = b.binary(x, y, Binary::kMul);
  b.quantize(x, 0.5f, 3);
  b.quantize(y, 2.0f, -1);
  b.quantize(product, 0.25f, -7);
  b.graph.outputs = {product};
  const std::vector<std::int8_t> a = {3, 4, 5, 100}, factor = {0, 1};
  std::vector<std::int8_t> result(4);
  ThreadPool pool(1);
  build(b.graph)->run(&pool, {a.data(), factor.data()}, {result.data()});
  EXPECT_EQ(result, (std::vector<std::int8_t>{-7, -3, 9, 127}));
}

}  // namespace
}  // namespace tfsparse
