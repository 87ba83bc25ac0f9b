// Which nodes of a model the delegate takes, and why it leaves the others.
#pragma once

#include "delegate/core/graph.h"

namespace tfsparse {

struct Verdict {
  std::string reason;       // why the node is left to the runtime; empty where it is taken
  int weights = -1;         // the stored constant that the node multiplies by, or -1
  double weight_zeros = 0;  // fraction of zeros in it
  bool taken() const { return reason.empty(); }
};

// Judges every node by itself and by its neighbours: a node that only prepares weights or a shape
// is taken when all who use it are. Spatial sizes play no part, since they may still change. Fails
// where a constant is damaged, which no runtime could run right.
Status select_nodes(const Graph& graph, std::vector<Verdict>* verdicts);

// Leaves the nodes that only serve, or are served by, nodes that were left in the meantime.
void leave_dependents(const Graph& graph, std::vector<Verdict>* verdicts);

// Whether a node has weights: a part of the network without any is not worth two layout changes.
bool has_weights(const Node& node);

}  // namespace tfsparse
