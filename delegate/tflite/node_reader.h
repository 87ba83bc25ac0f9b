// From one operator's code and parameters in TFLite to the core's node.
#pragma once

#include "delegate/core/graph.h"

namespace tfsparse {

// Fills in what an operator code and its parameters say. `node->op` stays kUnsupported where the
// core cannot do it, with `node->problem` set where there is more to say than that. The node has
// its inputs.
void read_node(int code, const void* params, Node* node);

}  // namespace tfsparse
