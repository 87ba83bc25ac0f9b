#include "delegate/core/graph/support.h"

#include <algorithm>

#include "delegate/core/operators/unsupported.h"

namespace tfsparse {
namespace {

constexpr std::size_t kMostDimensions = 6;

bool is_quantized(DType type) {
  return type == DType::kInt8 || type == DType::kUInt8 || type == DType::kInt16;
}

// The quantized type that the node needs and its operator lacks. Empty if there is none.
std::string quantized_type(const SupportContext& context, const Node& node) {
  if (node.op->role() != Role::kComputation) return "";
  for (int index : {node.inputs.empty() ? -1 : node.inputs[0], node.output}) {
    if (index < 0) continue;
    const DType type = context.tensor(index).type;
    if (is_quantized(type) && !node.op->computes_in(type)) return to_string(type);
  }
  return "";
}

std::string unsupported_tensors(const SupportContext& context, const Node& node) {
  for (int input : node.inputs) {
    if (input >= 0 && context.tensor(input).shape.size() > kMostDimensions) {
      return "more than 6 dimensions";
    }
  }
  if (node.op->role() != Role::kComputation) return "";
  const Tensor& output = context.tensor(node.output);
  if (!node.op->computes_in(output.type)) {
    return std::string("output is of ") + to_string(output.type);
  }
  const DType input = node.inputs.empty() ? output.type : context.tensor(node.inputs[0]).type;
  if (input != output.type && !node.op->changes_type()) {
    return std::string("input is of ") + to_string(input) + ", output of " + to_string(output.type);
  }
  return output.type == DType::kInt8 ? unsupported_activation(output) : "";
}

}  // namespace

std::string unsupported_because(const SupportContext& context, const Node& node) {
  const std::string quantized = quantized_type(context, node);
  if (!quantized.empty()) return "computes in " + quantized;
  if (as<Unsupported>(node) == nullptr) {
    const std::string reason = unsupported_tensors(context, node);
    if (!reason.empty()) return reason;
  }
  return node.op->unsupported_because(context, node);
}

std::string unsupported_input(const SupportContext& context, const Node& node) {
  const Tensor& input = context.tensor(node.inputs[0]);
  if (!node.op->computes_in(input.type)) return std::string("type is ") + to_string(input.type);
  if (context.stored_constant(node.inputs[0]) >= 0) return "input is a constant";
  return input.type == DType::kInt8 ? unsupported_activation(input) : "";
}

std::string unsupported_inputs(const SupportContext& context, const Node& node) {
  bool any_computed = false;
  const DType output = context.tensor(node.output).type;
  for (int input : node.inputs) {
    const int constant = context.stored_constant(input);
    const Tensor& tensor = context.tensor(constant >= 0 ? constant : input);
    const bool widens = constant >= 0 && tensor.type == DType::kFloat16 && output != DType::kInt8;
    if (tensor.type != output && !widens) return std::string("type is ") + to_string(tensor.type);
    const std::string reason = output == DType::kInt8 ? unsupported_activation(tensor) : "";
    if (!reason.empty()) return reason;
    any_computed = any_computed || constant < 0;
  }
  return any_computed ? "" : "all inputs are constants";
}

std::string unsupported_scales(const SupportContext& context, const Node& node) {
  const Tensor& output = context.tensor(node.output);
  if (output.type != DType::kInt8) return "";
  const bool same = std::all_of(node.inputs.begin(), node.inputs.end(), [&](int input) {
    const int constant = context.stored_constant(input);
    const Tensor& tensor = context.tensor(constant >= 0 ? constant : input);
    return tensor.type != DType::kInt8 || have_same_quantization(tensor, output);
  });
  return same ? "" : "scales of its int8 tensors differ";
}

std::string unsupported_parameters(const SupportContext& context, const Node& node) {
  for (std::size_t i = 1; i < node.inputs.size(); ++i) {
    if (!context.tensor(node.inputs[i]).is_constant()) {
      return "its parameters are computed at run time";
    }
  }
  return unsupported_input(context, node);
}

}  // namespace tfsparse
