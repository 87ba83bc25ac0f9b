// Finds channels that are scaled and shifted.
#pragma once

#include "delegate/core/graph/graph.h"

namespace tfsparse {

// Replaces x * scale + offset, both constants of one number per channel of an image, by a depthwise
// convolution of single pixels: one pass instead of two, which a next activation or convolution can
// join. A batch normalization that follows no convolution is written so. Needs shapes.
void find_affine_channels(Graph* graph);

}  // namespace tfsparse
