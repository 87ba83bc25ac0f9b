// The delegate as the runtime sees it: it looks at a model, takes what it can run, and runs it.
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

// What the runtime holds of a partition.
struct PlacedPartition {
  Delegate* owner;
  int subgraph;  // the delegate's number for it
  std::unique_ptr<Partition> partition;
};

// A subgraph that the delegate was shown, and what it said to each node.
struct Shown {
  Graph graph;
  std::vector<Assignment> assignments;
  bool tuned;  // whether a measured decision was followed
};

// What a delegate with a tuning cache decided about a subgraph.
struct Decision {
  TuningKey key;
  bool measured = false;   // an entry of the cache was followed
  std::vector<int> taken;  // operators, ascending
  std::vector<TakenPart> parts;
};

// Must outlive the interpreters that it is given to, as every TfLiteDelegate must.
class Delegate {
 public:
  // Follows the tuning cache that the options name.
  explicit Delegate(const Options& options);
  // Follows these entries.
  Delegate(const Options& options, std::vector<TuningEntry> tuning);
  Delegate(const Delegate&) = delete;
  Delegate& operator=(const Delegate&) = delete;

  TfLiteDelegate* handle() { return &handle_; }
  bool lacks_fp16() const { return options_.lacks_fp16; }

  // From now on keeps what report() tells of the subgraphs that the delegate is shown, and with
  // `time_steps` times every step.
  void keep_report(bool time_steps);
  // Not while an interpreter of the delegate prepares or runs.
  Report report() const;

  // From now on adds a decision here for each subgraph that the delegate is shown. The vector
  // outlives the delegate.
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
  std::optional<std::vector<TuningEntry>> tuning_;  // none: nothing is looked up
  TfLiteDelegate handle_{};

  std::mutex partitioning_mutex_;         // held while the runtime calls init
  Partitioning* partitioning_ = nullptr;  // while the runtime makes partitions of it
  bool init_failed_ = false;
  int subgraph_ = -1;  // the last one shown, counted from 0
  std::vector<Decision>* decisions_ = nullptr;

  mutable std::mutex mutex_;                  // never held while the runtime is called
  std::vector<Shown> shown_;                  // where somebody will want to read them
  std::vector<PlacedPartition*> partitions_;  // owned by the runtime, which calls free
};

}  // namespace tfsparse
