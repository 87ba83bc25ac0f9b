// A plan never reads or writes the caller's memory out of bounds, and limits its own.
#include "delegate/core/plan/values.h"

#include <algorithm>

#include "delegate/core/operators/images/pooling.h"
#include "delegate/core/operators/shapes/reduction.h"
#include "delegate/core/operators/shapes/shape_arithmetic.h"
#include "delegate/core/operators/weighted/depthwise_convolution.h"
#include "delegate/core/plan/plan.h"
#include "gtest/gtest.h"
#include "tests/delegate/core/buffers.h"
#include "tests/delegate/core/graph_builder.h"

using namespace tfsparse;
using tfsparse::testing::GraphBuilder;
using tfsparse::testing::GuardedInput;

namespace {

std::unique_ptr<Plan> build(const Graph& graph, const Kernels& kernels = best_kernels()) {
  std::unique_ptr<Plan> plan;
  const Status status = Plan::build(graph, kernels, 1, &plan);
  EXPECT_TRUE(status.ok()) << status.message();
  return plan;
}

bool refused(const Graph& graph) {
  std::unique_ptr<Plan> plan;
  return !Plan::build(graph, best_kernels(), 1, &plan).ok();
}

// Runs a plan with inputs and outputs that end at an inaccessible page.
std::vector<float> run_between_guards(Plan* plan, const std::vector<float>& x,
                                      std::size_t outputs) {
  GuardedInput<float> in(x.size(), 0), out(outputs, 0);
  std::copy(x.begin(), x.end(), in.data());
  ThreadPool pool(1);
  plan->run(&pool, {in.data()}, {out.data()});
  return {out.data(), out.data() + outputs};
}

TEST(CallersMemory, IsNotReadBehindAnOutput) {
  constexpr int kChannels = 512, kOutputs = 60;  // so many that the reduction is split
  GraphBuilder b;
  const int x = b.input({1, 7, 7, kChannels});
  std::vector<float> weights(kOutputs * 49 * kChannels, 0.0f);
  for (std::size_t i = 0; i < weights.size(); i += 5) weights[i] = 0.01f;
  const int w = b.constant({kOutputs, 7, 7, kChannels}, weights);
  b.graph.outputs = {b.node(Convolution(), {x, w}).output};
  auto plan = build(b.graph);
  const std::vector<float> ones(49 * kChannels, 1.0f);
  for (float y : run_between_guards(plan.get(), ones, kOutputs)) {
    EXPECT_NEAR(y, 0.01 * 49 * kChannels / 5, 0.1);
  }
}

TEST(CallersMemory, IsNotReadBehindAnInput) {
  GraphBuilder b;
  const int x = b.input({1, 1, 1, 5});
  Node& node = b.node(DepthwiseConvolution(), {x, b.constant({1, 1, 1, 5}, {1, 2, 3, 4, 5})});
  b.graph.outputs = {node.output};
  auto plan = build(b.graph);
  const std::vector<float> expected = {1, 2, 3, 4, 5};
  EXPECT_EQ(run_between_guards(plan.get(), {1, 1, 1, 1, 1}, 5), expected);
}

// Reshapes floats to the batch size of an image whose values are not used.
void reshape_to_batch_of_an_image(GraphBuilder* b, DType type) {
  const int picture = b->input({2, 64, 64, 3}), x = b->input({2, 16});
  b->graph.tensors[picture].type = type;
  const int shape = b->node(ShapeOf(), {picture}).output;
  SliceOfSizes slice;
  slice.shrink_axis_mask = 1;
  const int batch = b->node(slice, {shape, b->ints({0}), b->ints({1}), b->ints({1})}).output;
  const int depth = b->ints({16});
  b->graph.tensors[depth].shape = {};
  const int target = b->node(JoinSizes(0), {batch, depth}).output;
  b->graph.outputs = {b->unary(b->node(Reshape(), {x, target}).output, Unary::kNegate, -9, 9)};
}

int floats_read = 0;

TEST(CallersMemory, OfAnImageOfBytesIsNotReadForItsShape) {
  Kernels kernels = best_kernels();
  kernels.element_bytes = 2;  // as float16, so all floats are converted
  kernels.from_floats = [](const float*, void*, std::size_t n) {
    floats_read += static_cast<int>(n);
  };
  kernels.to_floats = [](const void*, float*, std::size_t) {};
  kernels.unary = [](const UnaryArgs&) {};
  GraphBuilder b;
  reshape_to_batch_of_an_image(&b, DType::kOther);
  auto plan = build(b.graph, kernels);
  std::vector<float> x(32), y(32);
  ThreadPool pool(1);
  floats_read = 0;
  plan->run(&pool, {nullptr, x.data()}, {y.data()});
  EXPECT_EQ(floats_read, 32);
}

TEST(CallersMemory, OfAnImageOfBytesIsNotComputedWith) {
  GraphBuilder b;
  const int picture = b.input({1, 2, 2, 3});
  b.graph.tensors[picture].type = DType::kOther;
  b.graph.outputs = {b.scaling(picture, 3, 1)};
  EXPECT_TRUE(refused(b.graph));
}

TEST(PlansMemory, HoldsNothingForEmptyTensorsWithLargeDimensions) {
  for (const Shape& shape : {Shape{1 << 14, 0, 3, 1 << 14}, Shape{1 << 20, 0, 1 << 20, 1 << 20},
                             Shape{1 << 20, 1 << 20, 1 << 20, 0}}) {
    GraphBuilder b;
    const int x = b.input(shape);
    Pool pool;
    pool.size = {2, 2};
    const int pooled = b.node(pool, {x}).output;
    const int sum = b.node(Reduce(Reduction::kSum), {x, b.ints({0, 1, 2, 3})}).output;
    b.graph.outputs = {pooled, sum, b.binary(x, x, Binary::kAdd)};
    auto plan = build(b.graph);
    EXPECT_EQ(plan->arena_bytes(), 0);
    float total = 1;
    ThreadPool threads(1);
    plan->run(&threads, {nullptr}, {nullptr, &total, nullptr});
    EXPECT_EQ(total, 0);
  }
}

TEST(PlansMemory, HoldsNothingForReducedEmptyTensors) {
  GraphBuilder b;
  const int x = b.input({0, 2, 1 << 30, 3, 1 << 30});
  b.graph.outputs = {b.node(Reduce(Reduction::kSum), {x, b.ints({0, 2, 4})}).output};
  auto plan = build(b.graph);
  EXPECT_EQ(plan->arena_bytes(), 0);
  std::vector<float> sums(6, 1.0f);
  ThreadPool pool(1);
  plan->run(&pool, {nullptr}, {sums.data()});
  EXPECT_EQ(sums, std::vector<float>(6, 0.0f));
}

TEST(PlansMemory, IsRefusedIfATensorIsTooLarge) {
  GraphBuilder b;  // channel planes of two pixels, each on its own cache line
  b.graph.outputs = {b.node(Pool(), {b.input({1, 1, 2, 1 << 27})}).output};
  EXPECT_TRUE(refused(b.graph));
}

}  // namespace
