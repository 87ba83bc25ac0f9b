// Functions of one int8 number, as a table of 256 results.
#pragma once

#include <functional>
#include <string>

#include "delegate/core/plan/builder.h"

namespace tfsparse {

// Adds the step that computes `function` of every real value of the node's first input.
Status add_int8_lookup(PlanBuilder* builder, const Node& node, std::string kernel,
                       const std::function<double(double)>& function);

}  // namespace tfsparse
