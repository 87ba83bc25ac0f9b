// What a delegate tells of the models that it was given.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "delegate/core/assignment/assignment.h"
#include "delegate/core/assignment/speed.h"
#include "delegate/tflite/partition.h"

namespace tfsparse {

// An operator: whether it is taken, and why not.
struct NodeReport {
  int subgraph, id;
  std::string type;
  int code;
  std::string name;  // of its first output, as the file has it: not UTF-8, maybe
  bool taken;
  std::string reason;
  struct Weights {
    std::vector<int> shape;
    double sparsity;
    bool encoded;  // stored sparsely
  };
  std::optional<Weights> weights;
};

// What runs a node, or a part of one.
struct StepReport {
  int node;
  std::string kernel;
  double macs;
  std::optional<double> seconds;  // where it was measured
};

struct PlanReport {
  std::size_t arena_bytes;
  double default_seconds;
  int runs;
  std::vector<StepReport> steps;
};

struct PartitionReport {
  int subgraph, threads;
  std::vector<int> nodes;          // ids
  std::optional<PlanReport> plan;  // none until the operators before it have computed its sizes
};

struct Report {
  std::string isa;
  bool lacks_fp16;
  bool tuned;  // a measured decision was followed
  std::vector<NodeReport> nodes;
  std::vector<PartitionReport> partitions;
};

NodeReport report_node(int subgraph, const Node& node, const Graph& graph,
                       const Assignment& assignment);
// `speed` is that of the processor at this moment.
PartitionReport report_partition(int subgraph, const Partition& partition, const Speed& speed);

}  // namespace tfsparse
