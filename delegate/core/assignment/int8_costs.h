// What int8 operators cost TFLite's default runtime, XNNPACK, which has kernels for many
// instruction sets.
#pragma once

namespace tfsparse {

// In vectors of the float register tile, as in estimate.h.
struct Int8Costs {
  // A matrix product: per vector of MACs, with one tap and with several, per vector of outputs and
  // per row. Depth and columns are filled up to multiples of these.
  double product, convolution, output, row;
  int depth, columns;
  // A depthwise convolution: per vector of channels and tap, and per vector of outputs.
  double tap, depthwise_output;
  double elementwise;  // per vector of outputs of any other operator
};

// Those of the fastest instruction set that XNNPACK uses on this processor.
const Int8Costs& int8_costs();

}  // namespace tfsparse
