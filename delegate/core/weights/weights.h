// What layers with weights have in common: the second input is the weights, the third, which may be
// left out, the bias.
#pragma once

#include <string>
#include <vector>

#include "delegate/core/graph/graph.h"
#include "delegate/core/graph/infer.h"
#include "delegate/core/graph/support.h"

namespace tfsparse {

// Why a layer of float constants of that rank for weights is not supported; empty where it is.
std::string unsupported_weights(const SupportContext& context, const Node& node, std::size_t rank);

// Fails unless the bias, where there is one, holds a value for each output channel.
Status check_bias(const ShapeContext& context, const Node& node, int channels);

// The bias: zeros where there is none.
Status read_bias(const Graph& graph, const Node& node, int channels, std::vector<float>* bias);

// The weights of a convolution or a dense layer as [output, height, width, input].
Shape filter_shape(const Graph& graph, const Node& node);

}  // namespace tfsparse
