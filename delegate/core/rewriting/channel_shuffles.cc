#include "delegate/core/rewriting/channel_shuffles.h"

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "delegate/core/operators/elementwise/unary.h"
#include "delegate/core/operators/shapes/reshape.h"
#include "delegate/core/operators/shapes/transpose.h"
#include "delegate/core/operators/weighted/convolution.h"

namespace tfsparse {
namespace {

// By output channel, the input's.
std::vector<int> shuffled_channels(int groups, int depth) {
  std::vector<int> from;
  for (int channel = 0; channel < groups * depth; ++channel) {
    from.push_back(channel % groups * depth + channel / groups);
  }
  return from;
}

// The values of equally long rows, in another order.
template <class T>
std::vector<T> rows_in_order(const std::vector<T>& values, const std::vector<int>& from) {
  const std::size_t length = values.size() / from.size();
  std::vector<T> moved;
  for (int row : from) {
    moved.insert(moved.end(), values.begin() + row * length, values.begin() + (row + 1) * length);
  }
  return moved;
}

template <class T>
Status move_rows(Status (*read)(const Tensor&, std::vector<T>*), const std::vector<int>& from,
                 Tensor* tensor) {
  std::vector<T> values;
  TFSPARSE_RETURN_IF_ERROR(read(*tensor, &values));
  set_constant(rows_in_order(values, from), tensor);
  return {};
}

// Moves the weights or the biases of output channels, and their scales.
Status move_outputs(const std::vector<int>& from, Tensor* tensor) {
  if (tensor->quantization != nullptr && tensor->quantization->scales.size() == from.size()) {
    auto quantization = std::make_shared<Quantization>(*tensor->quantization);
    quantization->scales = rows_in_order(quantization->scales, from);
    tensor->quantization = std::move(quantization);
  }
  if (tensor->type == DType::kInt8) return move_rows(read_int8, from, tensor);
  if (tensor->type == DType::kInt32) return move_rows(read_int32, from, tensor);
  TFSPARSE_RETURN_IF_ERROR(move_rows(read_floats, from, tensor));
  tensor->type = DType::kFloat32;
  return {};
}

class ShuffleFolding {
 public:
  explicit ShuffleFolding(Graph* graph) : graph_(*graph), index_(*graph) {}

  Status run() {
    for (Node& node : graph_.nodes) TFSPARSE_RETURN_IF_ERROR(fold(&node));
    auto& nodes = graph_.nodes;
    const auto is_folded = [](const Node& node) { return node.output < 0; };
    nodes.erase(std::remove_if(nodes.begin(), nodes.end(), is_folded), nodes.end());
    return {};
  }

 private:
  // Folds the shuffle that ends with this node, if any.
  Status fold(Node* last) {
    Node* transpose = as<Reshaping>(*last) ? made_once_by<Transpose>(last->inputs[0]) : nullptr;
    Node* first = transpose ? made_once_by<Reshaping>(transpose->inputs[0]) : nullptr;
    if (first == nullptr || !is_shuffle(*first, *transpose, *last)) return {};
    Node* before = maker_if_read_once(first->inputs[0]);
    Node* conv = before;
    while (conv != nullptr && as<UnaryOperator>(*conv)) conv = maker_if_read_once(conv->inputs[0]);
    if (conv == nullptr || !as<Convolution>(*conv) || !has_constants(*conv)) return {};
    const Shape& groups = shape(first->output);
    TFSPARSE_RETURN_IF_ERROR(
        reorder(shuffled_channels(groups[groups.size() - 2], groups.back()), conv));
    before->output = last->output;
    for (Node* node : {first, transpose, last}) node->output = -1;
    return {};
  }

  // Whether the three swap the two parts of the channels, and keep int8 values.
  bool is_shuffle(const Node& first, const Node& transpose, const Node& last) const {
    const Tensor& x = graph_.tensors[first.inputs[0]];
    const Tensor& y = graph_.tensors[last.output];
    const Shape& groups = shape(first.output);
    const std::size_t rank = groups.size();
    if (rank < 2 || x.shape.empty() || x.shape != y.shape || element_count(x.shape) == 0 ||
        groups[rank - 2] * groups[rank - 1] != x.shape.back() || !have_same_quantization(x, y)) {
      return false;
    }
    std::vector<int> swapped(rank);
    for (std::size_t dim = 0; dim < rank; ++dim) swapped[dim] = static_cast<int>(dim);
    std::swap(swapped[rank - 2], swapped[rank - 1]);
    return as<Transpose>(transpose)->order() == swapped;
  }

  bool has_constants(const Node& conv) const {
    const bool has_bias = conv.inputs.size() > 2 && conv.inputs[2] >= 0;
    return graph_.tensors[conv.inputs[1]].is_constant() &&
           (!has_bias || graph_.tensors[conv.inputs[2]].is_constant());
  }

  // Gives the convolution weights and a bias of its own: others may share the stored ones.
  Status reorder(const std::vector<int>& from, Node* conv) {
    for (std::size_t i = 1; i < std::min<std::size_t>(conv->inputs.size(), 3); ++i) {
      if (conv->inputs[i] < 0) continue;
      Tensor moved = graph_.tensors[conv->inputs[i]];
      TFSPARSE_RETURN_IF_ERROR(move_outputs(from, &moved));
      conv->inputs[i] = static_cast<int>(graph_.tensors.size());
      graph_.tensors.push_back(std::move(moved));
    }
    return {};
  }

  // The node that makes a tensor, if it has one reader besides those of its shape, else null.
  Node* maker_if_read_once(int tensor) {
    if (index_.maker(tensor) < 0) return nullptr;
    const std::vector<int>& outputs = graph_.outputs;
    auto readers = std::count(outputs.begin(), outputs.end(), tensor);
    for (int reader : index_.readers(tensor)) {
      readers += graph_.nodes[reader].op->role() == Role::kComputation;
    }
    Node* maker = &graph_.nodes[index_.maker(tensor)];
    return readers == 1 && maker->output == tensor ? maker : nullptr;
  }

  // The same, or null if its operator is no T.
  template <class T>
  Node* made_once_by(int tensor) {
    Node* maker = maker_if_read_once(tensor);
    return maker != nullptr && as<T>(*maker) ? maker : nullptr;
  }

  const Shape& shape(int tensor) const { return graph_.tensors[tensor].shape; }

  Graph& graph_;
  GraphIndex index_;  // of the graph without any folded
};

}  // namespace

Status fold_channel_shuffles(Graph* graph) { return ShuffleFolding(graph).run(); }

}  // namespace tfsparse
