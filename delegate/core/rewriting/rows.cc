#include "delegate/core/rewriting/rows.h"

#include <algorithm>
#include <utility>

#include "delegate/core/operators/shapes/reshape.h"
#include "delegate/core/operators/weighted/convolution.h"
#include "delegate/core/operators/weighted/fully_connected.h"
#include "delegate/core/plan/layout.h"
#include "delegate/core/weights/weights.h"

namespace tfsparse {
namespace {

class RowsConversion {
 public:
  explicit RowsConversion(Graph* graph) : graph_(*graph), makers_(graph->tensors.size(), -1) {}

  void run() {
    std::vector<Node> nodes = std::move(graph_.nodes);
    graph_.nodes.clear();
    for (Node& node : nodes) {
      if (is_matrix_product(node)) {
        add_product(std::move(node));
      } else {
        add(std::move(node));
      }
    }
  }

 private:
  void add(Node node) {
    makers_[node.output] = static_cast<int>(graph_.nodes.size());
    graph_.nodes.push_back(std::move(node));
  }

  const Shape& shape(int tensor) const { return graph_.tensors[tensor].shape; }

  // A 1x1 convolution of single pixels equals a fully connected layer with one row per image.
  bool is_matrix_product(const Node& node) const {
    if (as<FullyConnected>(node) != nullptr) return true;
    const auto* conv = as<Convolution>(node);
    if (conv == nullptr || is_image(shape(node.inputs[0])) || is_image(shape(node.output))) {
      return false;
    }
    const Shape filter = filter_shape(graph_, node);
    return filter[1] == 1 && filter[2] == 1 && conv->window.pad_top == 0 &&
           conv->window.pad_left == 0;
  }

  void add_product(Node node) {
    const Shape filter = filter_shape(graph_, node);
    const int depth = filter[3], units = filter[0];
    const int rows = static_cast<int>(element_count(shape(node.inputs[0])) / depth);
    set_operator(&node, rows);
    if (rows == 1 || are_like_images(shape(node.inputs[0]), shape(node.output), depth)) {
      add(std::move(node));
      return;
    }
    const int y = node.output;
    const bool reshapes = !is_matrix(shape(y), units);
    node.inputs[0] = as_matrix(node.inputs[0], rows, depth, node.id);
    if (reshapes) node.output = add_tensor({rows, units}, y);
    const int product = node.output, id = node.id;
    add(std::move(node));
    if (reshapes) add_reshape(product, y, id);
  }

  static void set_operator(Node* node, int rows) {
    const Epilogue epilogue = *node->op->foldable_epilogue();
    if (rows == 1) {
      FullyConnected layer;
      layer.epilogue = epilogue;
      node->op = layer;
    } else {
      Convolution conv;
      conv.epilogue = epilogue;
      node->op = conv;
    }
  }

  // Whether input and output are images with equal sizes but for the channels.
  static bool are_like_images(const Shape& x, const Shape& y, int depth) {
    return is_image(x) && x.back() == depth && x.size() == y.size() &&
           std::equal(x.begin(), x.end() - 1, y.begin());
  }

  // Whether the tensor can be read as one image with `columns` channels.
  static bool is_matrix(const Shape& shape, int columns) {
    return shape.size() != 4 && !shape.empty() && shape.back() == columns;
  }

  // A tensor with the same rows whose shape passes is_matrix.
  int as_matrix(int tensor, int rows, int columns, int id) {
    if (is_matrix(shape(tensor), columns)) return tensor;
    if (makers_[tensor] >= 0) {
      const Node& node = graph_.nodes[makers_[tensor]];
      if (as<Reshaping>(node) && is_matrix(shape(node.inputs[0]), columns)) return node.inputs[0];
    }
    const int matrix = add_tensor({rows, columns}, tensor);
    add_reshape(tensor, matrix, id);
    return matrix;
  }

  // Adds a tensor of the same type and quantization as `other`.
  int add_tensor(Shape shape, int other) {
    Tensor tensor;
    tensor.type = graph_.tensors[other].type;
    tensor.quantization = graph_.tensors[other].quantization;
    tensor.shape = std::move(shape);
    graph_.tensors.push_back(std::move(tensor));
    makers_.push_back(-1);
    return static_cast<int>(graph_.tensors.size()) - 1;
  }

  void add_reshape(int from, int to, int id) {
    Node node;
    node.op = Reshape();
    node.inputs = {from};
    node.output = to;
    node.id = id;
    add(std::move(node));
  }

  Graph& graph_;
  std::vector<int> makers_;  // node by tensor, or -1
};

}  // namespace

void convolve_rows(Graph* graph) { RowsConversion(graph).run(); }

}  // namespace tfsparse
