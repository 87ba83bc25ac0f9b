#include "delegate/core/weights/weights.h"

#include <algorithm>

namespace tfsparse {

namespace {

bool is_float(DType type) { return type == DType::kFloat32 || type == DType::kFloat16; }

std::string unsupported_constant(const SupportContext& context, int tensor, const char* what,
                                 bool (*fits)(DType)) {
  const int constant = context.stored_constant(tensor);
  if (constant < 0) return std::string(what) + " are computed at run time";
  const DType type = context.tensor(constant).type;
  return fits(type) ? "" : std::string(what) + " are of " + to_string(type);
}

}  // namespace

std::string unsupported_weights(const SupportContext& context, const Node& node, std::size_t rank,
                                int axis) {
  std::string reason = unsupported_input(context, node);
  if (!reason.empty()) return reason;
  const bool is_int8 = context.tensor(node.inputs[0]).type == DType::kInt8;
  reason = unsupported_constant(context, node.inputs[1], "weights",
                                [](DType type) { return is_float(type) || type == DType::kInt8; });
  if (!reason.empty()) return reason;
  const Tensor& weights = context.tensor(context.stored_constant(node.inputs[1]));
  if (is_int8 && weights.type != DType::kInt8) {
    return std::string("weights are of ") + to_string(weights.type);
  }
  if (node.inputs.size() > 2 && node.inputs[2] >= 0) {
    reason =
        unsupported_constant(context, node.inputs[2], "bias",
                             is_int8 ? [](DType type) { return type == DType::kInt32; } : is_float);
    if (!reason.empty()) return reason;
  }
  const Shape& shape = weights.shape;
  if (shape.size() != rank || *std::min_element(shape.begin(), shape.end()) < 1) {
    return "weights have an unexpected shape";
  }
  return weights.type == DType::kInt8 ? unsupported_int8_weights(weights, axis) : "";
}

Status check_bias(const ShapeContext& context, const Node& node, int channels) {
  if (node.inputs.size() > 2 && node.inputs[2] >= 0 &&
      element_count(context.in(node, 2)) != channels) {
    return Status::error("bias " + to_string(context.in(node, 2)) + " does not fit " +
                         std::to_string(channels) + " channels");
  }
  return {};
}

Status read_bias(const Graph& graph, const Node& node, int channels, std::vector<float>* bias) {
  bias->assign(channels, 0.0f);
  if (node.inputs.size() < 3 || node.inputs[2] < 0) return {};
  return read_floats(graph.tensors[node.inputs[2]], bias);
}

Status read_int8_bias(const Graph& graph, const Node& node, int channels,
                      std::vector<std::int32_t>* bias) {
  bias->assign(channels, 0);
  if (node.inputs.size() < 3 || node.inputs[2] < 0) return {};
  return read_int32(graph.tensors[node.inputs[2]], bias);
}

Status read_widened_bias(const Graph& graph, const Node& node, int axis, std::vector<float>* bias) {
  const Tensor& weights = graph.tensors[node.inputs[1]];
  std::vector<std::int32_t> stored;
  TFSPARSE_RETURN_IF_ERROR(read_int8_bias(graph, node, weights.shape[axis], &stored));
  const float input = graph.tensors[node.inputs[0]].quantization->scale();
  const std::vector<float> scales = weight_scales(weights, axis);
  if (stored.size() != scales.size()) return Status::error("bias does not fit the weights");
  bias->clear();
  for (std::size_t i = 0; i < stored.size(); ++i) bias->push_back(input * scales[i] * stored[i]);
  return {};
}

std::vector<float> multipliers(const Graph& graph, const Node& node, const Tensor& output,
                               int axis) {
  const float input = graph.tensors[node.inputs[0]].quantization->scale();
  std::vector<float> factors = weight_scales(graph.tensors[node.inputs[1]], axis);
  for (float& factor : factors) factor = input * factor / output.quantization->scale();
  return factors;
}

Shape filter_shape(const Graph& graph, const Node& node) {
  const Shape& weights = graph.tensors[node.inputs[1]].shape;
  return weights.size() == 2 ? Shape{weights[0], 1, 1, weights[1]} : weights;
}

}  // namespace tfsparse
