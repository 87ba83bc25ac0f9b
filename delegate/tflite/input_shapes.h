// The option input_shapes: shapes to which the inputs will be resized.
#pragma once

#include <string>

#include "delegate/core/graph/shape.h"

namespace tfsparse {

// The shape that an option such as "1x8x8x3" or "a=1x8x8x3,b=1x20" gives an input. One without a
// name is that of a model's only input. Empty if it gives none, or sizes below 1.
Shape named_shape(const std::string& option, const std::string& name, bool is_only_input);

}  // namespace tfsparse
