// A graph made ready to run: shapes fixed, weights packed, memory laid out.
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
  // `graph` needs the shapes of its inputs only. Fails where shapes do not fit, a constant is
  // damaged, or memory is short.
  static Status build(Graph graph, const Kernels& kernels, int threads,
                      std::unique_ptr<Plan>* plan);

  // Runs on dense tensors in TFLite's order, one pointer for each of the graph's inputs and
  // outputs, none of which is touched behind its last element; an input of another type than
  // float32 is not touched at all. The pool has the number of threads that the plan was built for.
  void run(ThreadPool* pool, const std::vector<const float*>& inputs,
           const std::vector<float*>& outputs);
  // The same, and times every step.
  void run_profiled(ThreadPool* pool, const std::vector<const float*>& inputs,
                    const std::vector<float*>& outputs);

  const std::vector<Shape>& input_shapes() const { return input_shapes_; }
  const std::vector<Shape>& output_shapes() const { return output_shapes_; }
  const std::vector<std::unique_ptr<Step>>& steps() const { return steps_; }
  // What TFLite's default runtime would do for the same.
  const std::vector<DefaultWork>& default_work() const { return default_work_; }
  std::size_t arena_bytes() const { return arena_.bytes(); }

  // Wall time of every step's parts in their fastest profiled run, in seconds: what they cost when
  // nothing else disturbs the machine.
  const std::vector<std::vector<double>>& seconds() const { return seconds_; }
  int runs() const { return runs_; }

 private:
  friend class PlanBuilder;

  void bind(const std::vector<const float*>& inputs, const std::vector<float*>& outputs);

  const Kernels* kernels_ = nullptr;
  std::vector<std::unique_ptr<Step>> steps_;
  std::vector<Shape> input_shapes_;
  std::vector<Shape> output_shapes_;
  std::vector<DefaultWork> default_work_;
  Buffer arena_;
  std::vector<Buffer> scratch_;  // one for each thread
  std::vector<PaddedElements> scratch_starts_;
  ValueTable values_;  // those in the caller's memory are set by run
  std::vector<Value> input_values_;
  std::vector<Value> output_values_;
  std::vector<std::vector<double>> seconds_;  // of each step, of each part
  int runs_ = 0;
};

}  // namespace tfsparse
