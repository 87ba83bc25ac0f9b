// The output of option profile=1, printed when an interpreter is deleted.
#pragma once

#include "delegate/tflite/delegate.h"

namespace tfsparse {

// Prints the time of each step of a partition and the nodes left to the runtime to stderr.
void print_profile(const PlacedPartition& placed, const Shown& shown);

}  // namespace tfsparse
