// The report on the models that a delegate was used for.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "delegate/core/assignment/assignment.h"
#include "delegate/core/assignment/speed.h"
#include "delegate/tflite/partition.h"

namespace tfsparse {

// An operator, whether it is taken, and if not, why.
struct NodeReport {
  int subgraph, id;
  std::string type;
  int code;
  std::string name;  // of its first output in the file; may not be UTF-8
  bool taken;
  std::string reason;
  struct Weights {
    std::vector<int> shape;
    double sparsity;
    bool encoded;  // whether stored in a sparse encoding
  };
  std::optional<Weights> weights;
};

// A kernel that runs a node or a part of it.
struct StepReport {
  int node;
  std::string kernel;
  double macs;
  std::optional<double> seconds;  // if measured
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
  std::optional<PlanReport> plan;  // empty until earlier operators have computed its sizes
};

struct Report {
  std::string isa;
  bool lacks_fp16;
  bool tuned;  // whether a tuning cache entry was followed
  std::vector<NodeReport> nodes;
  std::vector<PartitionReport> partitions;
};

NodeReport report_node(int subgraph, const Node& node, const Graph& graph,
                       const Assignment& assignment);
// `speed` is the processor's current speed.
PartitionReport report_partition(int subgraph, const Partition& partition, const Speed& speed);

}  // namespace tfsparse
