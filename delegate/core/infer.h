// Shapes of everything from the shapes of the inputs.
#pragma once

#include "delegate/core/graph.h"

namespace tfsparse {

// Sets the shape of every node's output and the padding of every convolution, from the shapes of
// the graph's inputs and constants. Evaluates the shape arithmetic (SHAPE, STRIDED_SLICE, PACK)
// that feeds RESHAPE. Fails where the shapes do not fit each other.
Status infer_shapes(Graph* graph);

// Sets the shapes that follow from those of the graph's inputs through `nodes`, whatever else the
// graph holds: the file's shapes of inner tensors are those of its example input. Other nodes keep
// the file's shape of their output; where that is open, it is marked as not known.
void infer_known_shapes(const std::vector<bool>& nodes, Graph* graph);

}  // namespace tfsparse
