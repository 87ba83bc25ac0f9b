// PRELU of int8 tensors in CHW.
#pragma once

#include "delegate/core/graph/graph.h"
#include "delegate/core/plan/builder.h"

namespace tfsparse {

// Whether the int8 kernel can compute the node, a PRELU: its slopes are a constant of one number,
// or of one per channel, and the scales do not differ too much.
bool has_int8_prelu(const Graph& graph, const Node& node);

// Adds the step. Needs has_int8_prelu().
Status add_int8_prelu(PlanBuilder* builder, const Node& node);

}  // namespace tfsparse
