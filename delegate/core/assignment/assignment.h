// Which nodes of a model the delegate takes, and why it leaves the others.
#pragma once

#include <string>
#include <vector>

#include "delegate/core/graph/graph.h"

namespace tfsparse {

// Of a node.
struct Assignment {
  std::string reason;       // why the node is left to the runtime; empty where it is taken
  int weights = -1;         // the stored constant that the node multiplies by, or -1
  double weight_zeros = 0;  // fraction of zeros in it
  bool taken() const { return reason.empty(); }
};

// Takes every node that is supported by itself and by its neighbours: a node that only prepares
// weights or a shape is taken when all who use it are. Fails where a constant is damaged, which no
// runtime could run right.
Status assign_nodes(const Graph& graph, std::vector<Assignment>* assignments);

// Leaves the nodes that only serve, or are served by, nodes that were left in the meantime.
void leave_dependents(const Graph& graph, std::vector<Assignment>* assignments);

}  // namespace tfsparse
