// Rewrites dense layers over many rows as 1x1 convolutions with a pixel per row.
#pragma once

#include "delegate/core/graph/graph.h"

namespace tfsparse {

// Makes every matrix product with a single row a FullyConnected, and every other one a Convolution
// whose input and output have the rows as pixels: see chw_layout. Needs the shapes that
// infer_shapes sets.
void convolve_rows(Graph* graph);

}  // namespace tfsparse
