// What the option profile=1 prints when an interpreter ends, for hosts without a report.
#pragma once

#include "delegate/tflite/delegate.h"

namespace tfsparse {

// Prints where the time of a partition went, and what was left to the runtime, to stderr.
void print_profile(const PlacedPartition& placed, const Shown& shown);

}  // namespace tfsparse
