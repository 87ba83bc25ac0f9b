// Finds layer normalizations.
#pragma once

#include "delegate/core/graph/graph.h"

namespace tfsparse {

// Replaces the last operator of each chain that computes a layer normalization by one operator that
// does all. The others stay, and are unused unless something else reads them. Needs shapes.
void find_layer_normalizations(Graph* graph);

}  // namespace tfsparse
