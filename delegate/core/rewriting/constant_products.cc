#include "delegate/core/rewriting/constant_products.h"

#include <utility>
#include <vector>

#include "delegate/core/operators/weighted/batch_matmul.h"
#include "delegate/core/operators/weighted/fully_connected.h"

namespace tfsparse {
namespace {

// A [rows][columns] matrix, or its transpose.
template <class T>
std::vector<T> arranged(std::vector<T> matrix, int rows, int columns, bool transposed) {
  if (!transposed) return matrix;
  std::vector<T> result(matrix.size());
  for (int row = 0; row < rows; ++row) {
    for (int column = 0; column < columns; ++column) {
      result[static_cast<std::size_t>(column) * rows + row] =
          matrix[static_cast<std::size_t>(row) * columns + column];
    }
  }
  return result;
}

// Whether a node is a product with one constant matrix. Of int8 ones, dense layers need a zero
// point of 0.
bool is_constant_product(const Graph& graph, const Node& node) {
  const auto* product = as<BatchMatMul>(node);
  if (product == nullptr || product->transposes_a) return false;
  const Tensor& b = graph.tensors[node.inputs[1]];
  const std::size_t rank = b.shape.size();
  const std::int64_t count = element_count(b.shape);
  return b.is_constant() && count > 0 && b.shape[rank - 2] * b.shape[rank - 1] == count &&
         (b.type != DType::kInt8 || b.quantization->zero_point() == 0);
}

// The constant as the weights of a dense layer, [columns][depth].
Status make_weights(const Tensor& b, bool transposed, Tensor* weights) {
  *weights = b;
  const std::size_t rank = b.shape.size();
  const int rows = b.shape[rank - 2], columns = b.shape[rank - 1];
  weights->shape = transposed ? Shape{rows, columns} : Shape{columns, rows};
  if (b.type == DType::kInt8) {
    std::vector<std::int8_t> codes;
    TFSPARSE_RETURN_IF_ERROR(read_int8(b, &codes));
    set_constant(arranged(std::move(codes), rows, columns, !transposed), weights);
  } else {
    std::vector<float> values;
    TFSPARSE_RETURN_IF_ERROR(read_floats(b, &values));
    weights->type = DType::kFloat32;
    set_constant(arranged(std::move(values), rows, columns, !transposed), weights);
  }
  return {};
}

}  // namespace

void make_constant_products_dense_layers(Graph* graph) {
  for (Node& node : graph->nodes) {
    if (!is_constant_product(*graph, node)) continue;
    Tensor weights;
    const Tensor& b = graph->tensors[node.inputs[1]];
    // A damaged constant stays where it is: the product's step reports it.
    if (!make_weights(b, as<BatchMatMul>(node)->transposes_b, &weights).ok()) continue;
    FullyConnected layer;
    layer.keep_dims = true;
    node.op = layer;
    node.inputs[1] = static_cast<int>(graph->tensors.size());
    graph->tensors.push_back(std::move(weights));
  }
}

}  // namespace tfsparse
