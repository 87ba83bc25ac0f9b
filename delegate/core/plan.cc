#include "delegate/core/plan.h"

#include <algorithm>
#include <chrono>
#include <limits>
#include <numeric>
#include <utility>

#include "delegate/core/builder.h"
#include "delegate/core/estimate.h"
#include "delegate/core/fuse.h"
#include "delegate/core/infer.h"

namespace tfsparse {

Status Plan::build(Graph graph, const Kernels& kernels, int threads, std::unique_ptr<Plan>* plan) {
  TFSPARSE_RETURN_IF_ERROR(infer_shapes(&graph));
  auto built = std::make_unique<Plan>();
  built->default_seconds_ = estimate_default_seconds(graph, threads);
  for (int input : graph.inputs) built->input_shapes_.push_back(graph.tensors[input].shape);
  fuse(&graph);
  built->kernels_ = &kernels;
  TFSPARSE_RETURN_IF_ERROR(PlanBuilder(graph, kernels, built.get()).build(threads));
  for (const auto& step : built->steps_) {
    built->seconds_.emplace_back(step->parts.size(), std::numeric_limits<double>::infinity());
  }
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

  const RunContext context{values_.data(), scratch.data(), *kernels_, *pool, nullptr};
  if (profiling_) {
    run_profiled(context);
    return;
  }
  for (const auto& step : steps_) step->run(context);
}

double Plan::rehearse(ThreadPool* pool) {
  const auto buffers = [](const std::vector<Shape>& shapes) {
    std::vector<Buffer> buffers;
    for (const Shape& shape : shapes) {
      buffers.emplace_back(static_cast<std::size_t>(element_count(shape)) + kOverread);
    }
    return buffers;
  };
  const std::vector<Buffer> inputs = buffers(input_shapes_), outputs = buffers(output_shapes_);
  std::vector<const float*> from;
  std::vector<float*> to;
  for (const Buffer& buffer : inputs) from.push_back(buffer.data());
  for (const Buffer& buffer : outputs) to.push_back(buffer.data());
  const bool was_profiling = std::exchange(profiling_, true);
  run(pool, from, to);
  profiling_ = was_profiling;
  double total = 0;
  for (const std::vector<double>& parts : seconds_) {
    total = std::accumulate(parts.begin(), parts.end(), total);
  }
  return total;
}

void Plan::run_profiled(const RunContext& context) {
  using Clock = std::chrono::steady_clock;
  for (std::size_t i = 0; i < steps_.size(); ++i) {
    std::vector<double> now(seconds_[i].size(), 0.0);
    const bool times_itself = now.size() > 1;
    const RunContext profiled{context.values, context.scratch, context.kernels, context.pool,
                              times_itself ? now.data() : nullptr};
    const Clock::time_point start = Clock::now();
    steps_[i]->run(profiled);
    if (!times_itself) now[0] = std::chrono::duration<double>(Clock::now() - start).count();
    for (std::size_t part = 0; part < now.size(); ++part) {
      seconds_[i][part] = std::min(seconds_[i][part], now[part]);
    }
  }
  ++runs_;
}

}  // namespace tfsparse
