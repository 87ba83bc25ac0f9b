// The part of a network that the delegate runs, as tensors and nodes without TFLite types.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "delegate/core/graph/operator.h"
#include "delegate/core/graph/quantization.h"
#include "delegate/core/graph/shape.h"
#include "delegate/core/graph/sparsity.h"
#include "delegate/core/graph/status.h"

namespace tfsparse {

enum class DType { kFloat32, kFloat16, kInt8, kUInt8, kInt16, kInt32, kInt64, kOther };

const char* to_string(DType type);

// For operators that compute in these two: see Operator::computes_in().
inline bool is_float32_or_int8(DType type) {
  return type == DType::kFloat32 || type == DType::kInt8;
}

struct Tensor {
  std::string name;
  int id = -1;  // the caller's number
  DType type = DType::kOther;
  Shape shape;
  bool size_is_open = false;  // whether the shape may still change
  bool size_is_known = true;  // false if the shape is the file's, not this inference's
  std::shared_ptr<const Quantization> quantization;  // null where there is none
  // For constants: the stored values, owned by the model, and their encoding.
  const void* data = nullptr;
  std::size_t bytes = 0;
  std::shared_ptr<const SparseEncoding> sparsity;  // null where dense
  std::shared_ptr<const void> owner;  // of a constant that is not in the model, keeps `data`

  bool is_constant() const { return data != nullptr; }
};

// An operator with its inputs and output.
struct Node {
  AnyOperator op;
  std::string type;  // the operator's name in TFLite, for reports
  int code = -1;     // the caller's code of that type
  // Indices of tensors, -1 for an omitted one. Layers with weights have input, weights, bias. For
  // other inputs, see the operator's class.
  std::vector<int> inputs;
  int output = -1;
  int output_index = 0;  // which output: an operator with n outputs is n nodes with one id
  int id = -1;           // the caller's number of the operator
};

// The node's operator as a T, or null if it is another one.
template <class T>
const T* as(const Node& node) {
  return node.op->is(kind_of<T>()) ? static_cast<const T*>(node.op.operator->()) : nullptr;
}
template <class T>
T* as(Node& node) {
  return node.op->is(kind_of<T>()) ? static_cast<T*>(node.op.operator->()) : nullptr;
}

struct Graph {
  std::vector<Tensor> tensors;
  std::vector<Node> nodes;  // in execution order
  std::vector<int> inputs;
  std::vector<int> outputs;
};

// The values of a constant, dense and row-major, with sparse encodings decoded. Each function fails
// if the stored bytes do not match shape and type.

// Of a float constant. float16 is widened. Of an int8 one, what its codes stand for.
Status read_floats(const Tensor& tensor, std::vector<float>* values);

// The stored numbers of an int8 or int32 constant.
Status read_int8(const Tensor& tensor, std::vector<std::int8_t>* values);
Status read_int32(const Tensor& tensor, std::vector<std::int32_t>* values);

// The values of a small int32 or int64 constant.
Status read_ints(const Tensor& tensor, std::vector<std::int64_t>* values);

// Makes a tensor a dense constant of these values, which it owns. Leaves its shape and its type.
template <class T>
void set_constant(std::vector<T> values, Tensor* tensor) {
  auto owner = std::make_shared<const std::vector<T>>(std::move(values));
  tensor->data = owner->data();
  tensor->bytes = owner->size() * sizeof(T);
  tensor->sparsity = nullptr;
  tensor->owner = std::move(owner);
}

// Producers and readers of the tensors of a graph. The graph must not change meanwhile.
class GraphIndex {
 public:
  explicit GraphIndex(const Graph& graph);

  // The index of the first node that writes a tensor, or -1.
  int maker(int tensor) const { return makers_[tensor]; }
  // The indices of the nodes that read a tensor.
  const std::vector<int>& readers(int tensor) const { return readers_[tensor]; }
  // The index of the first node with this id, or -1. Nodes with one id are consecutive.
  int first_node(int id) const;

  // The index of the stored constant that a tensor holds, directly or through DENSIFY and
  // DEQUANTIZE, or -1.
  int stored_constant(int tensor) const;

 private:
  const Graph& graph_;
  std::vector<int> makers_;
  std::vector<std::vector<int>> readers_;
  std::map<int, int> first_nodes_;  // by id
};

// The indices of all nodes with these ids, in execution order.
std::vector<int> nodes_of(const Graph& graph, const GraphIndex& index, const std::vector<int>& ids);

}  // namespace tfsparse
