#include "delegate/core/plan.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "delegate/core/builder.h"
#include "delegate/core/fuse.h"
#include "delegate/core/infer.h"

namespace tfsparse {

Status Plan::build(Graph graph, const Kernels& kernels, int threads, std::unique_ptr<Plan>* plan) {
  TFSPARSE_RETURN_IF_ERROR(infer_shapes(&graph));
  fuse(&graph);
  auto built = std::make_unique<Plan>();
  built->kernels_ = &kernels;
  TFSPARSE_RETURN_IF_ERROR(PlanBuilder(graph, kernels, built.get()).build(threads));
  built->step_seconds_.assign(built->steps_.size(), 0.0);
  *plan = std::move(built);
  return {};
}

void Plan::run(ThreadPool* pool, const std::vector<const float*>& inputs,
               const std::vector<float*>& outputs) {
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    // Steps only read the values of inputs.
    values_[input_values_[i]] = const_cast<float*>(inputs[i]);
  }
  for (std::size_t i = 0; i < outputs.size(); ++i) values_[output_values_[i]] = outputs[i];
  std::vector<float*> scratch;
  for (const Buffer& buffer : scratch_) scratch.push_back(buffer.data());

  const RunContext context{values_.data(), scratch.data(), *kernels_, *pool};
  if (!profiling_) {
    for (const auto& step : steps_) step->run(context);
    return;
  }
  using Clock = std::chrono::steady_clock;
  for (std::size_t i = 0; i < steps_.size(); ++i) {
    const Clock::time_point start = Clock::now();
    steps_[i]->run(context);
    const double seconds = std::chrono::duration<double>(Clock::now() - start).count();
    step_seconds_[i] = runs_ == 0 ? seconds : std::min(step_seconds_[i], seconds);
  }
  ++runs_;
}

}  // namespace tfsparse
