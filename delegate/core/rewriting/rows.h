// Dense layers over many rows: 1x1 convolutions of as many pixels.
#pragma once

#include "delegate/core/graph/graph.h"

namespace tfsparse {

// Makes every matrix product over more or fewer rows than one a convolution (Convolution) of an
// input and an output that have the rows as pixels, see chw_layout, and every one over a single row
// a fully connected layer. Needs the shapes that infer_shapes sets.
void convolve_rows(Graph* graph);

}  // namespace tfsparse
