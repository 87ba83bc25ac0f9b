// Rewrites products with one constant matrix as dense layers.
#pragma once

#include "delegate/core/graph/graph.h"

namespace tfsparse {

// Makes each BatchMatMul with a constant second matrix a FullyConnected, so that its weights are
// packed when the plan is made and their zeros skipped. Needs shapes.
void make_constant_products_dense_layers(Graph* graph);

}  // namespace tfsparse
