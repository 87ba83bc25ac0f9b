// Sums, differences and products of int8 tensors in CHW.
#pragma once

#include <memory>

#include "delegate/core/graph/graph.h"
#include "delegate/core/plan/builder.h"

namespace tfsparse {

// Whether the int8 kernels can compute the node, a BinaryOperator: each operand is a whole tensor
// or has one element per channel, and the scales do not differ too much.
bool has_int8_binary(const Graph& graph, const Node& node);

// Adds the step. Needs has_int8_binary().
Status add_int8_binary(PlanBuilder* builder, const Node& node);

}  // namespace tfsparse
