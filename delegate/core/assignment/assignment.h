// Partitioning: which nodes of a model the delegate takes, and why it leaves the others.
#pragma once

#include <string>
#include <vector>

#include "delegate/core/graph/graph.h"

namespace tfsparse {

// The decision on one node.
struct Assignment {
  std::string reason;       // why the node is left to the runtime; empty if it is taken
  int weights = -1;         // index of the node's stored weights, or -1
  double weight_zeros = 0;  // fraction of zeros in the weights
  bool taken() const { return reason.empty(); }
};

// Takes every node that passes the support check and whose neighbours allow it. A node that only
// makes a constant or a shape is taken if all its readers are. Fails if a constant is damaged,
// since no runtime could compute the right result.
Status assign_nodes(const Graph& graph, std::vector<Assignment>* assignments);

// MACs of a convolution or of a dense layer, those with zero weights too. 0 for other nodes.
double product_macs(const Graph& graph, const Node& node);

// The share of these MACs, over the nodes with these indices, that a plan skips.
double skipped_share(const Graph& graph, const std::vector<Assignment>& assignments,
                     const std::vector<int>& nodes);

// Leaves the nodes that depend on nodes left since assign_nodes.
void leave_dependents(const Graph& graph, std::vector<Assignment>* assignments);

}  // namespace tfsparse
