#include "delegate/core/plan/plan.h"

#include <algorithm>
#include <chrono>
#include <limits>
#include <utility>

#include "delegate/core/graph/infer.h"
#include "delegate/core/plan/builder.h"
#include "delegate/core/rewriting/channel_shuffles.h"
#include "delegate/core/rewriting/constant_products.h"
#include "delegate/core/rewriting/fuse.h"
#include "delegate/core/rewriting/groups.h"
#include "delegate/core/rewriting/widen.h"

namespace tfsparse {

Status Plan::build(Graph graph, const Kernels& kernels, int threads, std::unique_ptr<Plan>* plan) {
  TFSPARSE_RETURN_IF_ERROR(infer_shapes(&graph));
  TFSPARSE_RETURN_IF_ERROR(ungroup_convolutions(&graph));
  auto built = std::make_unique<Plan>();
  built->default_work_ = predict_default_work(graph);
  for (int input : graph.inputs) built->input_shapes_.push_back(graph.tensors[input].shape);
  TFSPARSE_RETURN_IF_ERROR(fold_channel_shuffles(&graph));
  make_constant_products_dense_layers(&graph);
  fuse(&graph);
  widen(&graph);
  built->kernels_ = &kernels;
  built->int8_kernels_ = &int8::kernels_beside(kernels);
  TFSPARSE_RETURN_IF_ERROR(
      PlanBuilder(graph, kernels, *built->int8_kernels_, built.get()).build(threads));
  for (const auto& step : built->steps_) {
    built->seconds_.emplace_back(step->parts.size(), std::numeric_limits<double>::infinity());
  }
  for (const Buffer& buffer : built->scratch_) built->scratch_starts_.push_back(buffer.data());
  *plan = std::move(built);
  return {};
}

void Plan::run(ThreadPool* pool, const std::vector<const void*>& inputs,
               const std::vector<void*>& outputs) {
  bind(inputs, outputs);
  const RunContext context{values_, scratch_starts_.data(), *kernels_, *int8_kernels_, *pool,
                           nullptr};
  for (const auto& step : steps_) step->run(context);
}

void Plan::run_profiled(ThreadPool* pool, const std::vector<const void*>& inputs,
                        const std::vector<void*>& outputs) {
  using Clock = std::chrono::steady_clock;
  bind(inputs, outputs);
  for (std::size_t i = 0; i < steps_.size(); ++i) {
    std::vector<double> now(seconds_[i].size(), 0.0);
    const bool times_itself = now.size() > 1;
    const RunContext context{values_,   scratch_starts_.data(),
                             *kernels_, *int8_kernels_,
                             *pool,     times_itself ? now.data() : nullptr};
    const Clock::time_point start = Clock::now();
    steps_[i]->run(context);
    if (!times_itself) now[0] = std::chrono::duration<double>(Clock::now() - start).count();
    for (std::size_t part = 0; part < now.size(); ++part) {
      seconds_[i][part] = std::min(seconds_[i][part], now[part]);
    }
  }
  ++runs_;
}

void Plan::bind(const std::vector<const void*>& inputs, const std::vector<void*>& outputs) {
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    // Steps never write an input's values.
    values_.set(input_values_[i], const_cast<void*>(inputs[i]));
  }
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    values_.set(output_values_[i], outputs[i]);
  }
}

}  // namespace tfsparse
