// How long TFLite's default, XNNPACK, takes for a graph. It cannot be asked or timed from within
// another delegate, so its time is predicted.
#pragma once

#include "delegate/core/graph.h"

namespace tfsparse {

// Seconds on an otherwise idle machine, for image networks mostly within a tenth. `graph` has its
// shapes. Measures the speed of this processor first, once in a process, for about a millisecond.
double estimate_default_seconds(const Graph& graph, int threads);

}  // namespace tfsparse
