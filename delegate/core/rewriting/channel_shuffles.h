// Folds channel shuffles into the convolutions before them.
#pragma once

#include "delegate/core/graph/graph.h"

namespace tfsparse {

// A channel shuffle divides the channels into groups, and puts channels of different groups beside
// each other: a RESHAPE, a TRANSPOSE of the last two dimensions and a RESHAPE (Zhang et al.,
// "ShuffleNet", 2017). The convolution before one, also with activations between, then writes its
// output channels in the new order. Needs the shapes that infer_shapes sets, and no grouped
// convolutions: see groups.h.
Status fold_channel_shuffles(Graph* graph);

}  // namespace tfsparse
