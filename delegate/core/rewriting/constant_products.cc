#include "delegate/core/rewriting/constant_products.h"

#include <memory>
#include <utility>
#include <vector>

#include "delegate/core/operators/weighted/batch_matmul.h"
#include "delegate/core/operators/weighted/fully_connected.h"

namespace tfsparse {
namespace {

// A [rows][columns] matrix as [columns][rows].
template <class T>
std::vector<T> transpose(const std::vector<T>& matrix, int rows, int columns) {
  std::vector<T> transposed(matrix.size());
  for (int row = 0; row < rows; ++row) {
    for (int column = 0; column < columns; ++column) {
      transposed[static_cast<std::size_t>(column) * rows + row] =
          matrix[static_cast<std::size_t>(row) * columns + column];
    }
  }
  return transposed;
}

template <class T>
void set_data(std::vector<T> values, Tensor* tensor) {
  auto owned = std::make_shared<std::vector<T>>(std::move(values));
  tensor->data = owned->data();
  tensor->bytes = owned->size() * sizeof(T);
  tensor->owner = std::move(owned);
  tensor->sparsity = nullptr;
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
    set_data(transposed ? std::move(codes) : transpose(codes, rows, columns), weights);
  } else {
    std::vector<float> values;
    TFSPARSE_RETURN_IF_ERROR(read_floats(b, &values));
    weights->type = DType::kFloat32;
    set_data(transposed ? std::move(values) : transpose(values, rows, columns), weights);
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
