#include "delegate/core/rewriting/widen.h"

#include <map>
#include <utility>

#include "delegate/core/operators/elementwise/quantize.h"
#include "delegate/core/operators/weighted/depthwise_convolution.h"
#include "delegate/core/weights/weights.h"

namespace tfsparse {
namespace {

class Widening {
 public:
  explicit Widening(Graph* graph) : graph_(*graph) {}

  void run() {
    std::vector<Node> nodes = std::move(graph_.nodes);
    graph_.nodes.clear();
    for (Node& node : nodes) {
      const bool has_int8 =
          is_int8(node.output) || (!node.inputs.empty() && is_int8(node.inputs[0]));
      if (has_int8 && node.op->widens_int8(graph_, node)) {
        add_widened(std::move(node));
      } else {
        graph_.nodes.push_back(std::move(node));
      }
    }
  }

 private:
  bool is_int8(int tensor) const {
    return tensor >= 0 && graph_.tensors[tensor].type == DType::kInt8;
  }

  void add_widened(Node node) {
    if (node.op->has_weights()) widen_bias(&node);
    for (int& input : node.inputs) {
      if (is_int8(input) && !graph_.tensors[input].is_constant()) input = as_float(input, node);
    }
    const int output = node.output;
    if (!is_int8(output)) return graph_.nodes.push_back(std::move(node));
    node.output = add_float(output);
    graph_.nodes.push_back(node);
    convert(node.output, output, node);
  }

  // The float form of a computed tensor. Its readers share one conversion.
  int as_float(int tensor, const Node& reader) {
    const auto [known, is_new] = floats_.emplace(tensor, -1);
    if (is_new) {
      known->second = add_float(tensor);
      convert(tensor, known->second, reader);
    }
    return known->second;
  }

  int add_float(int tensor) {
    Tensor widened = graph_.tensors[tensor];
    widened.type = DType::kFloat32;
    widened.quantization = nullptr;
    graph_.tensors.push_back(std::move(widened));
    return static_cast<int>(graph_.tensors.size()) - 1;
  }

  void convert(int from, int to, const Node& reason) {
    Node conversion = reason;
    conversion.op = Quantize();
    conversion.inputs = {from};
    conversion.output = to;
    graph_.nodes.push_back(std::move(conversion));
  }

  // An int8 layer's bias counts input scale * weight scale.
  void widen_bias(Node* node) {
    if (node->inputs.size() < 3 || node->inputs[2] < 0) return;
    const Tensor& bias = graph_.tensors[node->inputs[2]];
    std::vector<float> values;
    const Tensor& weights = graph_.tensors[node->inputs[1]];
    const bool is_depthwise = as<DepthwiseConvolution>(*node) != nullptr;
    const int axis = is_depthwise ? static_cast<int>(weights.shape.size()) - 1 : 0;
    if (!read_widened_bias(graph_, *node, axis, &values).ok()) return;  // the step reports it
    Tensor widened = bias;
    widened.type = DType::kFloat32;
    widened.quantization = nullptr;
    set_constant(std::move(values), &widened);
    graph_.tensors.push_back(std::move(widened));
    node->inputs[2] = static_cast<int>(graph_.tensors.size()) - 1;
  }

  Graph& graph_;
  std::map<int, int> floats_;  // int8 tensor -> its float form
};

}  // namespace

void widen(Graph* graph) { Widening(graph).run(); }

}  // namespace tfsparse
