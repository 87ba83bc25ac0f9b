// A connected part of a model that the delegate runs as one node.
#pragma once

#include <memory>
#include <vector>

#include "delegate/core/plan/plan.h"
#include "delegate/tflite/abi.h"
#include "delegate/tflite/options.h"

namespace tfsparse {

// The number of threads that the delegate uses in an interpreter.
int threads_wanted(const Options& options, const TfLiteContext& context);

class Partition {
 public:
  // `options` must outlive the partition.
  Partition(const Options& options, Graph graph) : options_(options), graph_(std::move(graph)) {}

  // Plans for the current sizes and threads. Fails if that is impossible. Success proves nothing
  // while a size is open.
  Status plan_ahead(const TfLiteContext& context);

  // Whether all sizes are known before running the model, so that the plan is the final one.
  bool sizes_are_known() const;

  // Runs the plan a few times. Returns an error with both times if TFLite's default is predicted to
  // be faster or about as fast. If dense layers have an open number of rows that no option names,
  // also compares plans for more rows, as the result may differ. The plan is faster if it needs at
  // most `share` of the default's time.
  Status compare_with_default(double share) const;

  // Called by the runtime before the first run and after every change of a size.
  TfLiteStatus prepare(TfLiteContext* context, TfLiteNode* node);
  TfLiteStatus invoke(TfLiteContext* context, TfLiteNode* node);

  const Graph& graph() const { return graph_; }
  // Null before the first plan. The model may compute the sizes of the inputs.
  const Plan* plan() const { return plan_.get(); }
  int threads() const { return pool_ ? pool_->size() : 0; }
  // Executed MACs of one run, zeros skipped. 0 without a plan.
  double macs() const;

 private:
  Status compare_with_default(Plan* plan, double share) const;
  bool has_open_rows() const;
  Status build_plan(const std::vector<Shape>& input_shapes, std::unique_ptr<Plan>* plan) const;
  Status make_ready(const TfLiteContext& context);
  Status make_plan(std::vector<Shape> input_shapes, int threads);
  TfLiteStatus size_outputs(TfLiteContext* context) const;
  // Fails if the runtime's memory for an input or output is smaller than its shape.
  Status check_memory(const TfLiteContext& context) const;
  // The runtime's tensor for a tensor of the graph.
  TfLiteTensor& tensor(const TfLiteContext& context, int index) const {
    return context.tensors[graph_.tensors[index].id];
  }

  const Options& options_;
  Graph graph_;
  std::vector<Shape> input_shapes_;  // of the plan
  std::unique_ptr<ThreadPool> pool_;
  std::unique_ptr<Plan> plan_;
};

}  // namespace tfsparse
