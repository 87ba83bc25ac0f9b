// Chooses the nodes for row tiling.
#pragma once

#include <vector>

#include "delegate/core/graph/graph.h"
#include "delegate/core/steps/row_tiling.h"

namespace tfsparse {

// For each node, the nodes that are computed in its step, itself last: several with row tiling,
// none if it is computed in the step of a later node. Joins a node to its predecessor if the tensor
// between them is so large that it would leave the cache before it is read.
std::vector<std::vector<const Node*>> find_tiled_nodes(const Graph& graph,
                                                       std::size_t element_bytes);

RowWindow row_window(const Graph& graph, const Node& node);

}  // namespace tfsparse
