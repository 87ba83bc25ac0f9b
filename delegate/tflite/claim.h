// Decides which nodes of a subgraph the delegate asks the runtime for.
#pragma once

#include <memory>
#include <unordered_map>
#include <vector>

#include "delegate/core/select.h"
#include "delegate/tflite/abi.h"
#include "delegate/tflite/partition.h"

namespace tfsparse {

class Claim {
 public:
  // `graph` has its outputs. The verdicts are those of select_nodes, and are changed where a part
  // of the model turns out not to work or not to pay. All of it outlives the claim.
  Claim(TfLiteContext* context, const Graph& graph, const Options& options,
        std::vector<Verdict>* verdicts)
      : context_(context), graph_(graph), index_(graph), options_(options), verdicts_(*verdicts) {}

  // Leaves nodes to the runtime until every part that it would cut the others into can be planned.
  Status settle();

  // The numbers of the nodes that are taken.
  std::vector<int> taken_ids() const;

  // The partition made of these nodes while settling, or a new one.
  std::unique_ptr<Partition> partition(const TfLiteDelegateParams& params);

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
  bool settle_part(const Part& part);
  bool leave_unknown_shapes(const Part& part);
  bool has_any_weights(const Part& part) const;
  // Leaves the node that `status` blames, or all of the part. Returns true.
  bool leave(const Part& part, const Status& status);

  TfLiteContext* context_;
  const Graph& graph_;
  const GraphIndex index_;
  const Options& options_;
  std::vector<Verdict>& verdicts_;
  std::unordered_map<int, Planned> planned_;  // by the first node's number
};

// The runtime does not tell what a model's outputs are, but what would leave the whole of it.
Status find_outputs(TfLiteContext* context, Graph* graph);

}  // namespace tfsparse
