// Steps that change the layout or the type of a value.
#pragma once

#include <cstddef>
#include <memory>

#include "delegate/core/layout.h"
#include "delegate/core/step.h"

namespace tfsparse {

// Between the float32 values of the graph's inputs and outputs and those of the plan.
std::unique_ptr<Step> make_from_floats(Value x, Value y, std::size_t count);
std::unique_ptr<Step> make_to_floats(Value x, Value y, std::size_t count);
// From TFLite's order, and back.
std::unique_ptr<Step> make_to_planes(Value x, Value y, const Planes& planes);
std::unique_ptr<Step> make_from_planes(Value x, Value y, const Planes& planes);

}  // namespace tfsparse
