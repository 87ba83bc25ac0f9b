// Steps that change the layout or the type of a value.
#pragma once

#include <cstddef>
#include <memory>

#include "delegate/core/plan/layout.h"
#include "delegate/core/plan/step.h"

namespace tfsparse {

// Between float32 in the caller's memory and the kernels' type.
std::unique_ptr<Step> make_from_floats(Value x, Value y, std::size_t count);
std::unique_ptr<Step> make_to_floats(Value x, Value y, std::size_t count);
std::unique_ptr<Step> make_copy(Value x, Value y, std::size_t bytes);
// From TFLite's order to CHW, and back.
std::unique_ptr<Step> make_to_chw(Value x, Value y, const ChwLayout& chw);
std::unique_ptr<Step> make_from_chw(Value x, Value y, const ChwLayout& chw);
std::unique_ptr<Step> make_to_quads(Value x, Value y, const QuadLayout& quads);
std::unique_ptr<Step> make_from_quads(Value x, Value y, const QuadLayout& quads);

}  // namespace tfsparse
