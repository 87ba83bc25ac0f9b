// Shapes of everything from the shapes of the inputs.
#pragma once

#include "delegate/core/graph.h"

namespace tfsparse {

// Sets the shape of every node's output and the padding of every convolution, from the shapes of
// the graph's inputs and constants. Evaluates the shape arithmetic (SHAPE, STRIDED_SLICE, PACK)
// that feeds RESHAPE. Fails where the shapes do not fit each other.
Status infer_shapes(Graph* graph);

}  // namespace tfsparse
