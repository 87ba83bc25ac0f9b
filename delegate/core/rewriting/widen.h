// Computes int8 tensors in float where an operator has no int8 kernel.
#pragma once

#include "delegate/core/graph/graph.h"

namespace tfsparse {

// Puts a node that widens_int8() between conversions of its int8 tensors from and to float. A code
// and its result in float are exact to far less than a code, so the output differs from that of an
// int8 kernel by the rounding at the end. Needs shapes.
void widen(Graph* graph);

}  // namespace tfsparse
