// One connected part of a model that the delegate runs as a single node.
#pragma once

#include <memory>
#include <vector>

#include "delegate/core/plan/plan.h"
#include "delegate/tflite/abi.h"
#include "delegate/tflite/options.h"

namespace tfsparse {

// The threads that the delegate uses in an interpreter.
int threads_wanted(const Options& options, const TfLiteContext& context);

class Partition {
 public:
  // `options` outlives the partition.
  Partition(const Options& options, Graph graph) : options_(options), graph_(std::move(graph)) {}

  // Plans for the graph's sizes and the threads of the moment. Fails where that cannot be; but
  // where a size is still open it proves nothing.
  Status plan_ahead(const TfLiteContext& context);

  // Whether the plan made ahead is that of the inference at hand: no size is decided only by
  // running the model.
  bool sizes_are_known() const;

  // An error that says by how much, where the default runtime is expected to be faster than the
  // plan or hardly slower. Runs the plan a few times. Where the number of rows of dense layers is
  // open, so are plans for more rows: what is fast for one is not always fast for many.
  Status compare_with_default() const;

  // What the runtime calls before running, and whenever a size has changed.
  TfLiteStatus prepare(TfLiteContext* context, TfLiteNode* node);
  TfLiteStatus invoke(TfLiteContext* context, TfLiteNode* node);

  const Graph& graph() const { return graph_; }
  // Null as long as it was never planned: the sizes of its inputs may be computed by the model.
  const Plan* plan() const { return plan_.get(); }
  int threads() const { return pool_ ? pool_->size() : 0; }
  // MACs of one run, zeros skipped; 0 where there is no plan yet.
  double macs() const;

 private:
  Status compare_with_default(Plan* plan) const;
  bool has_open_rows() const;
  Status build_plan(const std::vector<Shape>& input_shapes, std::unique_ptr<Plan>* plan) const;
  Status make_ready(const TfLiteContext& context);
  Status make_plan(std::vector<Shape> input_shapes, int threads);
  TfLiteStatus size_outputs(TfLiteContext* context) const;
  // Fails where the runtime has less memory for an input or output than its shape says.
  Status check_memory(const TfLiteContext& context) const;
  // The runtime's tensor behind one of the graph's.
  TfLiteTensor& tensor(const TfLiteContext& context, int index) const {
    return context.tensors[graph_.tensors[index].id];
  }

  const Options& options_;
  Graph graph_;
  std::vector<Shape> input_shapes_;  // that the plan was made for
  std::unique_ptr<ThreadPool> pool_;
  std::unique_ptr<Plan> plan_;
};

}  // namespace tfsparse
