// Builds and runs plans of hand-built graphs.
#pragma once

#include <memory>
#include <vector>

#include "delegate/core/plan/plan.h"
#include "gtest/gtest.h"

namespace tfsparse {
namespace testing {

inline std::unique_ptr<Plan> build(const Graph& graph, int threads = 1) {
  std::unique_ptr<Plan> plan;
  const Status status = Plan::build(graph, best_kernels(), threads, &plan);
  EXPECT_TRUE(status.ok()) << status.message();
  return plan;
}

// Runs a plan with one input and one output.
inline std::vector<float> run(Plan* plan, const std::vector<float>& x) {
  std::vector<float> y(element_count(plan->output_shapes()[0]));
  ThreadPool pool(1);
  plan->run(&pool, {x.data()}, {y.data()});
  return y;
}

inline std::vector<float> run(const Graph& graph, const std::vector<float>& x) {
  return run(build(graph).get(), x);
}

}  // namespace testing
}  // namespace tfsparse
