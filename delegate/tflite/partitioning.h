// Decides which nodes of a subgraph the delegate asks the runtime for.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <vector>

#include "delegate/core/assignment/assignment.h"
#include "delegate/tflite/abi.h"
#include "delegate/tflite/partition.h"

namespace tfsparse {

// A part of a model that the delegate takes, for tuning.
struct TakenPart {
  std::vector<int> operators;  // without those that only make constants dense or wider
  std::uint64_t structure;     // equal for parts that are alike, see structure_fingerprint
  double macs;                 // of one run, zeros skipped
};

class Partitioning {
 public:
  // `graph` has its outputs. The assignments are those of assign_nodes, and are changed where a
  // part of the model turns out not to work or not to pay. All of it outlives the partitioning.
  Partitioning(TfLiteContext* context, const Graph& graph, const Options& options,
               std::vector<Assignment>* assignments)
      : context_(context),
        graph_(graph),
        index_(graph),
        options_(options),
        assignments_(*assignments) {}

  // Takes these operators alone, as a measurement decided: they are not compared with the default.
  // Returns false, and changes nothing, where one of them cannot be taken.
  bool follow(const std::vector<int>& operators);

  // Leaves nodes to the runtime until every part that it would cut the others into can be planned.
  Status run();

  // The numbers of the nodes that are taken.
  std::vector<int> taken_ids() const;

  // The partition made of these nodes by run(), or a new one.
  std::unique_ptr<Partition> partition(const TfLiteDelegateParams& params);

  // What was planned for each part that is taken. Before the partitions are handed out.
  std::vector<TakenPart> taken_parts() const;

 private:
  // A connected part of the model, as the runtime cuts it.
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
  // Leaves the node that `status` blames, or all of the part. Returns true.
  bool leave(const Part& part, const Status& status);

  TfLiteContext* context_;
  const Graph& graph_;
  const GraphIndex index_;
  const Options& options_;
  std::vector<Assignment>& assignments_;
  std::vector<Part> parts_;         // as last cut
  std::map<int, Planned> planned_;  // by the first node's number
  bool follows_ = false;
};

// The runtime does not tell what a model's outputs are, but what would leave the whole of it.
Status find_outputs(TfLiteContext* context, Graph* graph);

}  // namespace tfsparse
