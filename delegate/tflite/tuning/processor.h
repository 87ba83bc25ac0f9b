// What tells the processors apart that a measured time is good for.
#pragma once

#include <string>

namespace tfsparse {

// Returns a line of plain text, the same whenever it is asked on one machine: on x86 the
// processor's name, family, model and stepping, on arm the implementer and the part number of each
// kind of core. Elsewhere the name of the architecture.
const std::string& processor_name();

}  // namespace tfsparse
