// Layers with weights: the second input is the weights, the third the bias, if any.
#pragma once

#include <string>
#include <vector>

#include "delegate/core/graph/graph.h"
#include "delegate/core/graph/infer.h"
#include "delegate/core/graph/support.h"

namespace tfsparse {

// Checks that weights of this rank and the bias are float constants. Returns a reason or "".
std::string unsupported_weights(const SupportContext& context, const Node& node, std::size_t rank);

// Fails if the bias does not hold one value per output channel.
Status check_bias(const ShapeContext& context, const Node& node, int channels);

// The bias, or zeros if there is none.
Status read_bias(const Graph& graph, const Node& node, int channels, std::vector<float>* bias);

// The shape of a convolution's or dense layer's weights as [output, height, width, input].
Shape filter_shape(const Graph& graph, const Node& node);

}  // namespace tfsparse
