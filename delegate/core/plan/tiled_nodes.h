// Which nodes are computed together by row tiling.
#pragma once

#include <vector>

#include "delegate/core/graph/graph.h"
#include "delegate/core/steps/row_tiling.h"

namespace tfsparse {

// Of each node, the nodes that are computed at its turn, itself the last: more than one by row
// tiling, none where it is computed at a later node's turn. Joins a node to the one before it where
// the tensor between them is so large that it would leave the cache before it is read.
std::vector<std::vector<const Node*>> find_tiled_nodes(const Graph& graph,
                                                       std::size_t element_bytes);

RowWindow row_window(const Graph& graph, const Node& node);

}  // namespace tfsparse
