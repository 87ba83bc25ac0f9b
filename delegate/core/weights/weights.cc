#include "delegate/core/weights/weights.h"

#include <algorithm>

namespace tfsparse {

std::string unsupported_weights(const SupportContext& context, const Node& node, std::size_t rank) {
  const std::string reason = unsupported_input(context, node);
  if (!reason.empty()) return reason;
  for (std::size_t i = 1; i < std::min<std::size_t>(node.inputs.size(), 3); ++i) {
    if (i == 2 && node.inputs[i] < 0) continue;  // no bias
    const int constant = context.stored_constant(node.inputs[i]);
    const char* what = i == 1 ? "weights" : "bias";
    if (constant < 0) return std::string(what) + " are computed at run time";
    const DType type = context.tensor(constant).type;
    if (type != DType::kFloat32 && type != DType::kFloat16) {
      return std::string(what) + " are of " + to_string(type);
    }
  }
  const Shape& shape = context.stored_shape(node.inputs[1]);
  if (shape.size() != rank || *std::min_element(shape.begin(), shape.end()) < 1) {
    return "weights have an unexpected shape";
  }
  return "";
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

Shape filter_shape(const Graph& graph, const Node& node) {
  const Shape& weights = graph.tensors[node.inputs[1]].shape;
  return weights.size() == 2 ? Shape{weights[0], 1, 1, weights[1]} : weights;
}

}  // namespace tfsparse
