// How long TFLite's default, XNNPACK, takes for a graph. It cannot be asked or timed from within
// another delegate, so its time is predicted: from what it has to do for each operator, and from
// how fast this processor does such things at this moment.
#pragma once

#include <vector>

#include "delegate/core/graph.h"
#include "delegate/core/speed.h"

namespace tfsparse {

// What XNNPACK does for one operator.
struct DefaultWork {
  double vectors = 0;       // arithmetic that takes as long as so many vectors of its register tile
  double touched = 0;       // numbers of its inputs and output
  double touch_factor = 1;  // reading and writing them takes this times an element-wise pass
  bool overlapping = false;  // memory and arithmetic at the same time, or one after the other
  double weights = 0;        // numbers that come from wherever the network's weights lie
};

// Of every operator that takes any time, on this processor. The graph has its shapes.
std::vector<DefaultWork> predict_default_work(const Graph& graph);

// The time of all of them, where nothing else runs on the machine.
double predict_default_seconds(const std::vector<DefaultWork>& work, const Speed& speed,
                               int threads);

}  // namespace tfsparse
