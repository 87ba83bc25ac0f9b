// The names of TFLite's builtin operators, for messages about those that have no reader.
#pragma once

#include <string>

namespace tfsparse {

// Such as "CONV_2D", as the schema has it.
std::string operator_name(int code);

}  // namespace tfsparse
