// The part of a network that the delegate runs, as tensors and nodes of its own: no TFLite type
// here.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "delegate/core/graph/operator.h"
#include "delegate/core/graph/shape.h"
#include "delegate/core/graph/sparsity.h"
#include "delegate/core/graph/status.h"

namespace tfsparse {

enum class DType { kFloat32, kFloat16, kInt8, kUInt8, kInt16, kInt32, kInt64, kOther };

const char* to_string(DType type);

struct Tensor {
  std::string name;
  int id = -1;  // the caller's number
  DType type = DType::kOther;
  Shape shape;
  bool size_is_open = false;  // the caller may change the shape, or does not know it yet
  bool size_is_known = true;  // the shape is that of the inference at hand, not of the file
  // Of a constant: its stored values, owned by the model, and how they are encoded.
  const void* data = nullptr;
  std::size_t bytes = 0;
  std::shared_ptr<const SparseEncoding> sparsity;  // null where dense

  bool is_constant() const { return data != nullptr; }
};

// An operator and what it is applied to.
struct Node {
  AnyOperator op;
  std::string type;  // the operator's name in TFLite, for reports; may be unknown
  int code = -1;     // the caller's number for that operator
  // Indices of tensors, -1 for one left out. A layer with weights has the image, the weights, the
  // bias; what an operator has behind these, or instead, its class says.
  std::vector<int> inputs;
  int output = -1;
  int output_index = 0;  // an operator of n outputs is n nodes of one id: which of them
  int id = -1;           // the caller's number
};

// The node's operator if it is a T, else null.
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
  std::vector<Node> nodes;  // in an order in which they can run
  std::vector<int> inputs;
  std::vector<int> outputs;
};

// The values of a float constant as the dense, row-major tensor that it stands for. Follows a
// sparse encoding and widens float16. Fails where the stored bytes do not match shape and type.
Status read_floats(const Tensor& tensor, std::vector<float>* values);

// The values of a small int32 or int64 constant.
Status read_ints(const Tensor& tensor, std::vector<std::int64_t>* values);

// Who makes and who reads the tensors of a graph, which may not change meanwhile.
class GraphIndex {
 public:
  explicit GraphIndex(const Graph& graph);

  // The index of the first node that makes a tensor, or -1.
  int maker(int tensor) const { return makers_[tensor]; }
  // The indices of the nodes that read a tensor.
  const std::vector<int>& readers(int tensor) const { return readers_[tensor]; }
  // The index of the first node with one of the caller's numbers; they follow each other. -1 for
  // none.
  int first_node(int id) const;

  // The constant behind a tensor: itself, or what DENSIFY and DEQUANTIZE make of it. Returns the
  // index of the stored constant, or -1 where there is none.
  int stored_constant(int tensor) const;

 private:
  const Graph& graph_;
  std::vector<int> makers_;
  std::vector<std::vector<int>> readers_;
  std::map<int, int> first_nodes_;  // by id
};

// The indices of all nodes with these of the caller's numbers, in their order.
std::vector<int> nodes_of(const Graph& graph, const GraphIndex& index, const std::vector<int>& ids);

}  // namespace tfsparse
