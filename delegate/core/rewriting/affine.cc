#include "delegate/core/rewriting/affine.h"

#include <algorithm>
#include <utility>

#include "delegate/core/operators/elementwise/binary.h"
#include "delegate/core/operators/weighted/depthwise_convolution.h"
#include "delegate/core/rewriting/epilogues.h"

namespace tfsparse {
namespace {

class AffineSearch {
 public:
  explicit AffineSearch(Graph* graph)
      : graph_(*graph), makers_(graph->tensors.size(), -1), readers_(graph->tensors.size(), 0) {
    for (std::size_t i = 0; i < graph->nodes.size(); ++i) {
      const Node& node = graph->nodes[i];
      if (node.output >= 0) makers_[node.output] = static_cast<int>(i);
      for (int input : node.inputs) {
        if (input >= 0) ++readers_[input];
      }
    }
    for (int output : graph->outputs) ++readers_[output];
  }

  void run() {
    for (Node& node : graph_.nodes) {
      const auto* sum = as<BinaryOperator>(node);
      int product = -1, offset = -1, x = -1, scale = -1;
      if (sum == nullptr || sum->binary != Binary::kAdd || !is_image(node.output) ||
          !constant_operand(node, &product, &offset) || readers_[product] != 1) {
        continue;
      }
      const Node* multiplication = plain_product(product);
      if (multiplication == nullptr || !constant_operand(*multiplication, &x, &scale) ||
          graph_.tensors[x].shape != graph_.tensors[node.output].shape) {
        continue;
      }
      DepthwiseConvolution affine;
      affine.epilogue = sum->epilogue;
      const int channels = graph_.tensors[x].shape.back();
      node.inputs = {x, reshaped(scale, {1, 1, 1, channels}), reshaped(offset, {channels})};
      node.op = affine;
    }
  }

 private:
  bool is_image(int tensor) const {
    return graph_.tensors[tensor].type == DType::kFloat32 &&
           graph_.tensors[tensor].shape.size() == 4;
  }

  const Node* plain_product(int tensor) const {
    if (makers_[tensor] < 0) return nullptr;
    const Node& node = graph_.nodes[makers_[tensor]];
    const auto* op = as<BinaryOperator>(node);
    return op && op->binary == Binary::kMul && is_plain(op->epilogue) ? &node : nullptr;
  }

  // Whether one of two operands is a constant with one number for each channel of the output.
  bool constant_operand(const Node& node, int* computed, int* constant) const {
    for (int side = 0; side < 2; ++side) {
      *constant = node.inputs[side];
      *computed = node.inputs[1 - side];
      const Tensor& numbers = graph_.tensors[*constant];
      const int channels = graph_.tensors[node.output].shape.back();
      if (numbers.is_constant() && numbers.type == DType::kFloat32 && !numbers.sparsity &&
          !graph_.tensors[*computed].is_constant() && !numbers.shape.empty() &&
          numbers.shape.back() == channels && element_count(numbers.shape) == channels) {
        return true;
      }
    }
    return false;
  }

  int reshaped(int constant, Shape shape) {
    Tensor tensor = graph_.tensors[constant];
    tensor.shape = std::move(shape);
    graph_.tensors.push_back(std::move(tensor));
    return static_cast<int>(graph_.tensors.size()) - 1;
  }

  Graph& graph_;
  std::vector<int> makers_;   // node by tensor, or -1
  std::vector<int> readers_;  // their number by tensor, including the graph's outputs
};

}  // namespace

void find_affine_channels(Graph* graph) { AffineSearch(graph).run(); }

}  // namespace tfsparse
