// An executable plan of a graph, with fixed shapes, packed weights and planned memory.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "delegate/core/assignment/estimate.h"
#include "delegate/core/graph/graph.h"
#include "delegate/core/plan/memory.h"
#include "delegate/core/plan/step.h"
#include "delegate/core/plan/threads.h"

namespace tfsparse {

class Plan {
 public:
  // `graph` needs the shapes of its inputs only. Fails if shapes do not fit each other, a constant
  // is damaged, or memory is short.
  static Status build(Graph graph, const Kernels& kernels, int threads,
                      std::unique_ptr<Plan>* plan);

  // Runs on dense tensors in TFLite's order, one pointer per input and output of the graph. Never
  // accesses memory behind their last elements, nor inputs that are neither float32 nor int8. The
  // pool must have the number of threads that the plan was built for.
  void run(ThreadPool* pool, const std::vector<const void*>& inputs,
           const std::vector<void*>& outputs);
  // The same, with the time of every step.
  void run_profiled(ThreadPool* pool, const std::vector<const void*>& inputs,
                    const std::vector<void*>& outputs);

  const std::vector<Shape>& input_shapes() const { return input_shapes_; }
  const std::vector<Shape>& output_shapes() const { return output_shapes_; }
  const std::vector<std::unique_ptr<Step>>& steps() const { return steps_; }
  // The work of TFLite's default runtime for the same graph.
  const std::vector<DefaultWork>& default_work() const { return default_work_; }
  std::size_t arena_bytes() const { return arena_.bytes(); }

  // Wall time of every step's parts in their fastest profiled run, in seconds. The fastest run is
  // the least disturbed one.
  const std::vector<std::vector<double>>& seconds() const { return seconds_; }
  int runs() const { return runs_; }

 private:
  friend class PlanBuilder;

  void bind(const std::vector<const void*>& inputs, const std::vector<void*>& outputs);

  const Kernels* kernels_ = nullptr;
  const int8::Kernels* int8_kernels_ = nullptr;
  std::vector<std::unique_ptr<Step>> steps_;
  std::vector<Shape> input_shapes_;
  std::vector<Shape> output_shapes_;
  std::vector<DefaultWork> default_work_;
  Buffer arena_;
  std::vector<Buffer> scratch_;  // per thread
  std::vector<PaddedElements> scratch_starts_;
  ValueTable values_;  // run() sets those in the caller's memory
  std::vector<Value> input_values_;
  std::vector<Value> output_values_;
  std::vector<std::vector<double>> seconds_;  // by step and part
  int runs_ = 0;
};

}  // namespace tfsparse
