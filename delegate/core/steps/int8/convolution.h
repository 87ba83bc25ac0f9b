// The step of CONV_2D on int8 tensors, and of dense layers over many rows.
#pragma once

#include <cstdint>
#include <memory>

#include "delegate/core/graph/graph.h"
#include "delegate/core/plan/step.h"

namespace tfsparse {

struct Int8ConvolutionValues {
  PaddedValue x;  // in CHW, as all others
  Value y;
  Value residual;      // unset if there is none
  PaddedValue border;  // of int8_border_bytes(), or unset if that is 0
};

// Bytes of the bordered copy of one image; 0 where there is none.
std::uint64_t int8_border_bytes(const Graph& graph, const Node& conv);

// `node` is a Convolution.
Status make_int8_convolution(const Graph& graph, const Node& node,
                             const Int8ConvolutionValues& values, const int8::Kernels& kernels,
                             std::unique_ptr<Step>* step);

}  // namespace tfsparse
