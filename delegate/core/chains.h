// Which nodes are computed together, strip by strip of rows.
#pragma once

#include <vector>

#include "delegate/core/graph.h"
#include "delegate/core/steps/strips.h"

namespace tfsparse {

// Of each node, the nodes that are computed in strips when it is its turn, itself the last; empty
// where an earlier node's turn is left to a later one's. Links a node to the one before it where
// the tensor between them is so large that it would leave the cache before it is read.
std::vector<std::vector<const Node*>> find_chains(const Graph& graph, std::size_t element_bytes);

RowWindow row_window(const Graph& graph, const Node& node);

}  // namespace tfsparse
