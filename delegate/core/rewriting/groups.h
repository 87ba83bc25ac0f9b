// Rewrites grouped convolutions as operators with kernels.
#pragma once

#include "delegate/core/graph/graph.h"

namespace tfsparse {

// Makes a grouped convolution a DepthwiseConvolution if a group is one input channel. Makes any
// other one an ordinary Convolution whose weights are zero outside of the group: its sparse product
// skips them. Needs the shapes that infer_shapes sets.
Status ungroup_convolutions(Graph* graph);

}  // namespace tfsparse
