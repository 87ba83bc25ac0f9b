// Identifies the processor for which a measured time holds.
#pragma once

#include <string>

namespace tfsparse {

// A line of plain text, constant on one machine. x86: the processor's name, family, model and
// stepping. Arm: implementer and part number of each kind of core. Others: the architecture.
const std::string& processor_name();

}  // namespace tfsparse
