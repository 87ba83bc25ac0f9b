// The delegate as the runtime sees it: it looks at a model, claims what it can run, and runs it.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "delegate/core/plan.h"
#include "delegate/core/select.h"
#include "delegate/tflite/abi.h"
#include "delegate/tflite/options.h"

namespace tfsparse {

class Delegate;

// One connected part of a model that the delegate runs as a single node.
class Partition {
 public:
  Partition(Delegate* owner, int subgraph, const Options& options, Graph graph)
      : owner_(owner), subgraph_(subgraph), options_(options), graph_(std::move(graph)) {}

  // What the runtime calls before running, and whenever a size has changed.
  TfLiteStatus prepare(TfLiteContext* context, TfLiteNode* node);
  TfLiteStatus invoke(TfLiteContext* context, TfLiteNode* node);

  Delegate* owner() const { return owner_; }
  int subgraph() const { return subgraph_; }
  const Plan* plan() const { return plan_.get(); }
  int threads() const { return pool_ ? pool_->size() : 0; }

 private:
  // Makes the plan for the sizes and threads of the moment, unless there is one.
  Status make_ready(TfLiteContext* context);
  TfLiteStatus size_outputs(TfLiteContext* context) const;

  Delegate* owner_;
  int subgraph_;  // the delegate's number for it
  const Options& options_;
  Graph graph_;
  std::vector<Shape> input_shapes_;  // that the plan was made for
  std::unique_ptr<ThreadPool> pool_;
  std::unique_ptr<Plan> plan_;
};

// Must outlive the interpreters that it is given to, as every TfLiteDelegate must.
class Delegate {
 public:
  explicit Delegate(const Options& options);
  ~Delegate();
  Delegate(const Delegate&) = delete;
  Delegate& operator=(const Delegate&) = delete;

  TfLiteDelegate* handle() { return &handle_; }

  // What was taken, what not and why, and what runs it, as JSON. Nodes are listed only where the
  // option `report` is set. Not while an interpreter of the delegate prepares or runs.
  std::string report() const;

 private:
  // A subgraph that the delegate was shown, and what it said to each node.
  struct Shown {
    Graph graph;
    std::vector<Verdict> verdicts;
  };

  static TfLiteStatus prepare(TfLiteContext* context, TfLiteDelegate* handle);
  static void* init(TfLiteContext* context, const char* buffer, std::size_t length);
  static void free(TfLiteContext* context, void* partition);

  TfLiteStatus claim(TfLiteContext* context);

  Options options_;
  TfLiteDelegate handle_{};
  // Recursive, since the runtime calls init and free from within what prepare calls.
  mutable std::recursive_mutex mutex_;
  const Graph* claiming_ = nullptr;  // while the runtime makes partitions of it
  int subgraph_ = -1;                // the last one shown, counted from 0
  std::vector<Shown> shown_;
  std::vector<Partition*> partitions_;  // owned by the runtime, which calls free
};

// The report of the delegate that was created with the option report=key; empty when none lives.
std::string find_report(const std::string& key);

}  // namespace tfsparse
