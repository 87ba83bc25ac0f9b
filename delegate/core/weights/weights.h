// Layers with weights: the second input is the weights, the third the bias, if any.
#pragma once

#include <string>
#include <vector>

#include "delegate/core/graph/graph.h"
#include "delegate/core/graph/infer.h"
#include "delegate/core/graph/support.h"

namespace tfsparse {

// Checks that weights of this rank and the bias are constants of types that fit the input: float or
// int8 weights and a float bias for a float input, int8 weights and an int32 bias for an int8
// input. The output channels are the weights' dimension `axis`. Returns a reason, or an empty
// string.
std::string unsupported_weights(const SupportContext& context, const Node& node, std::size_t rank,
                                int axis = 0);

// Fails if the bias does not hold one value per output channel.
Status check_bias(const ShapeContext& context, const Node& node, int channels);

// The bias, or zeros if there is none.
Status read_bias(const Graph& graph, const Node& node, int channels, std::vector<float>* bias);

// What int8 kernels need of a layer: the bias at the scale of the sums, zeros if there is none, and
// input scale * weight scale / output scale for each of the `channels` of dimension `axis`.
Status read_int8_bias(const Graph& graph, const Node& node, int channels,
                      std::vector<std::int32_t>* bias);
// The bias of an int8 layer in float.
Status read_widened_bias(const Graph& graph, const Node& node, int axis, std::vector<float>* bias);
std::vector<float> multipliers(const Graph& graph, const Node& node, const Tensor& output,
                               int axis = 0);

// The shape of a convolution's or dense layer's weights as [output, height, width, input].
Shape filter_shape(const Graph& graph, const Node& node);

}  // namespace tfsparse
