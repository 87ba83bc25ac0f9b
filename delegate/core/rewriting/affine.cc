#include "delegate/core/rewriting/affine.h"

#include <algorithm>
#include <map>
#include <utility>

#include "delegate/core/operators/elementwise/binary.h"
#include "delegate/core/operators/weighted/depthwise_convolution.h"
#include "delegate/core/rewriting/epilogues.h"

namespace tfsparse {
namespace {

// The tensors of x * scale + offset.
struct Affine {
  int x, scale, offset;
};

class AffineSearch {
 public:
  explicit AffineSearch(const Graph& graph) : graph_(graph), index_(graph) {}

  bool find(const Node& node, Affine* affine) const {
    const auto* sum = as<BinaryOperator>(node);
    int product = -1;
    if (sum == nullptr || sum->binary != Binary::kAdd || !is_float_image(node.output) ||
        !constant_operand(node, &product, &affine->offset) || !is_read_once(product)) {
      return false;
    }
    const Node* multiplication = plain_product(product);
    return multiplication && constant_operand(*multiplication, &affine->x, &affine->scale) &&
           graph_.tensors[affine->x].shape == graph_.tensors[node.output].shape;
  }

 private:
  bool is_float_image(int tensor) const {
    return graph_.tensors[tensor].type == DType::kFloat32 &&
           graph_.tensors[tensor].shape.size() == 4;
  }

  bool is_read_once(int tensor) const {
    return index_.readers(tensor).size() == 1 &&
           std::count(graph_.outputs.begin(), graph_.outputs.end(), tensor) == 0;
  }

  const Node* plain_product(int tensor) const {
    if (index_.maker(tensor) < 0) return nullptr;
    const Node& node = graph_.nodes[index_.maker(tensor)];
    const auto* op = as<BinaryOperator>(node);
    return op && op->binary == Binary::kMul && is_plain(op->epilogue) ? &node : nullptr;
  }

  // Whether one of two operands is a constant with one number for each channel of the output.
  bool constant_operand(const Node& node, int* computed, int* constant) const {
    for (int side = 0; side < 2; ++side) {
      *constant = node.inputs[side];
      *computed = node.inputs[1 - side];
      const Tensor& numbers = graph_.tensors[*constant];
      if (numbers.is_constant() && numbers.type == DType::kFloat32 && !numbers.sparsity &&
          !graph_.tensors[*computed].is_constant() &&
          is_one_per_channel(numbers.shape, graph_.tensors[node.output].shape)) {
        return true;
      }
    }
    return false;
  }

  const Graph& graph_;
  const GraphIndex index_;
};

int add_reshaped(int constant, Shape shape, Graph* graph) {
  Tensor tensor = graph->tensors[constant];
  tensor.shape = std::move(shape);
  graph->tensors.push_back(std::move(tensor));
  return static_cast<int>(graph->tensors.size()) - 1;
}

}  // namespace

void find_affine_channels(Graph* graph) {
  std::map<int, Affine> found;  // by node
  const AffineSearch search(*graph);
  for (std::size_t i = 0; i < graph->nodes.size(); ++i) {
    Affine affine;
    if (search.find(graph->nodes[i], &affine)) found[static_cast<int>(i)] = affine;
  }
  for (const auto& [i, affine] : found) {
    Node& node = graph->nodes[i];
    DepthwiseConvolution convolution;
    convolution.epilogue = as<BinaryOperator>(node)->epilogue;
    const int channels = graph->tensors[affine.x].shape.back();
    node.inputs = {affine.x, add_reshaped(affine.scale, {1, 1, 1, channels}, graph),
                   add_reshaped(affine.offset, {channels}, graph)};
    node.op = convolution;
  }
}

}  // namespace tfsparse
