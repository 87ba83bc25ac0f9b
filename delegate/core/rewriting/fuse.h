// Rewrites a graph into fewer nodes that compute the same.
#pragma once

#include "delegate/core/graph/graph.h"

namespace tfsparse {

// Needs the shapes that infer_shapes sets. Folds PAD into the convolution behind it, x * sigmoid(x)
// into swish, activations into the node before them, and a residual ADD into the convolution
// before it; has a 1x1 convolution run before its input is enlarged; drops what nobody uses any
// more.
void fuse(Graph* graph);

}  // namespace tfsparse
