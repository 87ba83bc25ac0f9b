// Rewrites a graph into fewer nodes that compute the same.
#pragma once

#include "delegate/core/graph/graph.h"

namespace tfsparse {

// Needs the shapes that infer_shapes sets. Folds PAD into convolutions, x * sigmoid(x) into swish,
// activations into the node before, and residual ADD into the convolution before. Swaps 1x1
// convolutions with enlarging resizes before them. Drops unused nodes.
void fuse(Graph* graph);

}  // namespace tfsparse
