// Partitioning: decides which nodes of a subgraph the delegate takes from the runtime.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <vector>

#include "delegate/core/assignment/assignment.h"
#include "delegate/tflite/abi.h"
#include "delegate/tflite/partition.h"

namespace tfsparse {

// A part of a model that the delegate takes, as seen by autotuning.
struct TakenPart {
  std::vector<int> operators;  // without those that only make constants dense or wider
  std::uint64_t structure;     // structure_fingerprint, equal for similar parts
  double macs;                 // executed MACs of one run, zeros skipped
};

class Partitioning {
 public:
  // `graph` must have its outputs. `assignments` come from assign_nodes, and are updated where a
  // part cannot be planned or is not faster. All arguments must outlive the partitioning.
  Partitioning(TfLiteContext* context, const Graph& graph, const Options& options,
               std::vector<Assignment>* assignments)
      : context_(context),
        graph_(graph),
        index_(graph),
        options_(options),
        assignments_(*assignments) {}

  // Takes exactly these operators, from a tuning cache entry, without comparing with the default.
  // Returns false and changes nothing if one of them cannot be taken.
  bool follow(const std::vector<int>& operators);

  // Leaves nodes to the runtime until every part of the rest can be planned.
  Status run();

  // The ids of the taken nodes.
  std::vector<int> taken_ids() const;

  // The partition of these nodes, from run() if it planned one.
  std::unique_ptr<Partition> partition(const TfLiteDelegateParams& params);

  // The taken parts. Must be called before partition().
  std::vector<TakenPart> taken_parts() const;

 private:
  // A connected part of the model, as partitioned by the runtime.
  struct Part {
    std::vector<int> nodes, inputs, outputs;
  };
  struct Planned {
    std::vector<int> nodes;
    std::unique_ptr<Partition> partition;
  };

  Status cut(std::vector<Part>* parts) const;
  bool check_part(const Part& part);
  bool leave_unknown_shapes(const Part& part);
  bool has_any_weights(const Part& part) const;
  // Leaves the node named in `status`, or the whole part. Returns true.
  bool leave(const Part& part, const Status& status);

  TfLiteContext* context_;
  const Graph& graph_;
  const GraphIndex index_;
  const Options& options_;
  std::vector<Assignment>& assignments_;
  std::vector<Part> parts_;         // from the last preview
  std::map<int, Planned> planned_;  // by the id of the first node
  bool follows_ = false;
};

// Finds a model's outputs. The runtime does not expose them, only what would leave a partition.
Status find_outputs(TfLiteContext* context, Graph* graph);

}  // namespace tfsparse
