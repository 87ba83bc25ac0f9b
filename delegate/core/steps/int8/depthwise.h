// The step of DEPTHWISE_CONV_2D on int8 tensors.
#pragma once

#include <memory>

#include "delegate/core/graph/graph.h"
#include "delegate/core/plan/step.h"

namespace tfsparse {

// Whether the depthwise kernels can compute the node: it has one output for each input channel, and
// no very large window.
bool has_int8_depthwise(const Graph& graph, const Node& node);

// `node` is a DepthwiseConvolution. x and y are in CHW.
Status make_int8_depthwise(const Graph& graph, const Node& node, PaddedValue x, Value y,
                           const int8::Kernels& kernels, std::unique_ptr<Step>* step);

}  // namespace tfsparse
