#include "delegate/web/describe.h"

#include <cmath>
#include <limits>

namespace tfsparse {
namespace {

// Names may hold any bytes. Those that are no UTF-8 are JavaScript's to replace.
std::string text(const std::string& value) {
  std::string json = "\"";
  for (char c : value) {
    if (static_cast<unsigned char>(c) < 0x20) {
      constexpr char kDigits[] = "0123456789abcdef";
      json += std::string("\\u00") + kDigits[c / 16] + kDigits[c % 16];
    } else {
      if (c == '"' || c == '\\') json += '\\';
      json += c;
    }
  }
  return json + "\"";
}

// Nine digits, as a float has them at most. JSON has neither infinity nor NaN. Not by printf, which
// would be a tenth of the module.
std::string number(double value) {
  if (!(std::abs(value) <= std::numeric_limits<double>::max())) return "null";
  if (std::abs(value) < 1e-290) return "0";
  constexpr int kDigits = 9;
  const int exponent = static_cast<int>(std::floor(std::log10(std::abs(value)))) + 1 - kDigits;
  const double scaled =
      exponent > 0 ? value / std::pow(10.0, exponent) : value * std::pow(10.0, -exponent);
  return std::to_string(std::llround(scaled)) + "e" + std::to_string(exponent);
}

template <class Items, class Describe>
std::string list(const Items& items, const Describe& describe) {
  std::string json = "[";
  for (const auto& item : items) {
    if (json.size() > 1) json += ",";
    json += describe(item);
  }
  return json + "]";
}

std::string boolean(bool value) { return value ? "true" : "false"; }

std::string shape(const Shape& dims) {
  return list(dims, [](int dim) { return std::to_string(dim); });
}

std::string port(const Graph& graph, const Port& port) {
  const Tensor& tensor = graph.tensors[port.tensor];
  std::string json = "{\"name\":" + text(tensor.name) +
                     ",\"type\":" + text(to_string(tensor.type)) +
                     ",\"shape\":" + shape(port.shape);
  if (tensor.quantization != nullptr && tensor.quantization->scales.size() == 1 &&
      tensor.quantization->zero_points.size() == 1) {
    json += ",\"scale\":" + number(tensor.quantization->scale()) +
            ",\"zeroPoint\":" + std::to_string(tensor.quantization->zero_point());
  }
  return json + "}";
}

std::string one_operator(const Graph& graph, const Node& node, const Assignment& assignment) {
  std::string json = "{\"index\":" + std::to_string(node.id) + ",\"operator\":" + text(node.type);
  json += ",\"name\":" + text(node.output < 0 ? "" : graph.tensors[node.output].name);
  json += ",\"taken\":" + boolean(assignment.taken()) + ",\"reason\":" + text(assignment.reason);
  if (assignment.weights >= 0) {
    const Tensor& weights = graph.tensors[assignment.weights];
    json += ",\"weights\":" + shape(weights.shape) +
            ",\"sparsity\":" + number(assignment.weight_zeros) +
            ",\"encoded\":" + boolean(weights.sparsity != nullptr);
  }
  return json + "}";
}

std::string operators(const Session& session) {
  std::string json = "[";
  for (std::size_t i = 0; i < session.assignments().size(); ++i) {
    const Node& node = session.graph().nodes[i];
    if (node.output_index > 0) continue;  // described with the operator's first output
    if (json.size() > 1) json += ",";
    json += one_operator(session.graph(), node, session.assignments()[i]);
  }
  return json + "]";
}

std::string steps(const Plan& plan) {
  std::string json = "[";
  for (std::size_t i = 0; i < plan.steps().size(); ++i) {
    const std::vector<StepPart>& parts = plan.steps()[i]->parts;
    for (std::size_t part = 0; part < parts.size(); ++part) {
      if (json.size() > 1) json += ",";
      json += "{\"operator\":" + std::to_string(parts[part].node_id) +
              ",\"kernel\":" + text(parts[part].kernel) + ",\"macs\":" + number(parts[part].macs) +
              ",\"seconds\":" + number(plan.seconds()[i][part]) + "}";
    }
  }
  return json + "]";
}

}  // namespace

std::string describe(Session* session) {
  const Graph& graph = session->graph();
  const auto describe_port = [&](const Port& one) { return port(graph, one); };
  std::string json = "{\"isa\":" + text(best_kernels().name) +
                     ",\"inputs\":" + list(session->inputs(), describe_port) +
                     ",\"outputs\":" + list(session->outputs(), describe_port) +
                     ",\"operators\":" + operators(*session);
  if (const Plan* plan = session->plan()) {
    json += ",\"steps\":" + steps(*plan) + ",\"arenaBytes\":" + std::to_string(plan->arena_bytes());
  }
  return json + "}";
}

}  // namespace tfsparse
