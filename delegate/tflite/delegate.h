// The TFLite delegate: it chooses the nodes of a model to run, and runs them.
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "delegate/tflite/partitioning.h"
#include "delegate/tflite/report.h"
#include "delegate/tflite/tuning/cache.h"

namespace tfsparse {

class Delegate;

// A partition as the runtime holds it.
struct PlacedPartition {
  Delegate* owner;
  int subgraph;  // numbered by the delegate
  std::unique_ptr<Partition> partition;
};

// A subgraph of a model, and the decision on each node.
struct Shown {
  Graph graph;
  std::vector<Assignment> assignments;
  bool tuned;  // whether a tuning cache entry was followed
};

// The decision on a subgraph by a delegate with a tuning cache.
struct Decision {
  TuningKey key;
  bool measured = false;   // whether a cache entry was followed
  std::vector<int> taken;  // operators, ascending
  std::vector<TakenPart> parts;
};

// Must outlive the interpreters that use it, like every TfLiteDelegate.
class Delegate {
 public:
  // Follows the tuning cache named in the options.
  explicit Delegate(const Options& options);
  // Follows these entries.
  Delegate(const Options& options, std::vector<TuningEntry> tuning);
  Delegate(const Delegate&) = delete;
  Delegate& operator=(const Delegate&) = delete;

  TfLiteDelegate* handle() { return &handle_; }
  bool lacks_fp16() const { return options_.lacks_fp16; }

  // Keeps the data of report() for subgraphs prepared from now on, and with `time_steps` times
  // every step.
  void keep_report(bool time_steps);
  // Must not be called while an interpreter prepares or runs the delegate.
  Report report() const;

  // Appends a decision for each subgraph prepared from now on. The vector must outlive the
  // delegate.
  void record_decisions(std::vector<Decision>* decisions) { decisions_ = decisions; }

 private:
  static TfLiteStatus prepare(TfLiteContext* context, TfLiteDelegate* handle);
  static void* init(TfLiteContext* context, const char* buffer, std::size_t length);
  static void free(TfLiteContext* context, void* partition);

  void connect();
  TfLiteStatus partition(TfLiteContext* context);
  Decision follow_tuning(const TfLiteContext& context, const Graph& graph,
                         Partitioning* partitioning) const;
  void show(const Graph& graph, const std::vector<Assignment>& assignments, bool tuned);

  Options options_;
  bool keeps_report_ = false;
  std::optional<std::vector<TuningEntry>> tuning_;  // empty: no cache
  TfLiteDelegate handle_{};

  std::mutex partitioning_mutex_;         // held while the runtime calls init
  Partitioning* partitioning_ = nullptr;  // set while the runtime creates its partitions
  bool init_failed_ = false;
  int subgraph_ = -1;  // the last one prepared, from 0
  std::vector<Decision>* decisions_ = nullptr;

  mutable std::mutex mutex_;                  // never held while calling the runtime
  std::vector<Shown> shown_;                  // kept for a report or profile only
  std::vector<PlacedPartition*> partitions_;  // owned by the runtime, which calls free
};

}  // namespace tfsparse
