#include "delegate/core/graph/graph.h"

#include <algorithm>
#include <cstring>

#include "delegate/kernels/half.h"

namespace tfsparse {
namespace {

std::size_t size_of(DType type) {
  switch (type) {
    case DType::kInt8:
    case DType::kUInt8:
      return 1;
    case DType::kFloat16:
    case DType::kInt16:
      return 2;
    case DType::kFloat32:
    case DType::kInt32:
      return 4;
    case DType::kInt64:
      return 8;
    case DType::kOther:
      break;
  }
  return 0;
}

template <class T>
T load(const Tensor& tensor, std::size_t index) {
  T value;
  std::memcpy(&value, static_cast<const char*>(tensor.data) + sizeof(T) * index, sizeof value);
  return value;
}

// Reads a constant. load(i) returns stored value i.
template <class T, class Load>
Status read_values(const Tensor& tensor, const Load& load, std::vector<T>* values) {
  const std::int64_t elements = element_count(tensor.shape);
  const std::size_t stored = tensor.bytes / size_of(tensor.type);
  if (elements < 0) {
    return Status::error("tensor '" + tensor.name + "' has the invalid shape " +
                         to_string(tensor.shape));
  }
  if (tensor.sparsity) {
    std::vector<std::size_t> positions;
    const Status status = locate_values(*tensor.sparsity, tensor.shape, stored, &positions);
    if (!status.ok()) {
      return Status::error("tensor '" + tensor.name + "': " + status.message());
    }
    values->assign(static_cast<std::size_t>(elements), T(0));
    for (std::size_t i = 0; i < stored; ++i) (*values)[positions[i]] = load(i);
    return {};
  }
  if (stored != static_cast<std::size_t>(elements)) {
    return Status::error("tensor '" + tensor.name + "' of shape " + to_string(tensor.shape) +
                         " holds " + std::to_string(tensor.bytes) + " bytes");
  }
  values->resize(stored);
  for (std::size_t i = 0; i < stored; ++i) (*values)[i] = load(i);
  return {};
}

// Reads a constant of one type as it is stored.
template <class T>
Status read_stored(const Tensor& tensor, DType type, std::vector<T>* values) {
  if (!tensor.is_constant() || tensor.type != type) {
    return Status::error("tensor '" + tensor.name + "' is not a constant of " + to_string(type));
  }
  return read_values(tensor, [&](std::size_t i) { return load<T>(tensor, i); }, values);
}

// What the codes of weights, or of a tensor with one scale, stand for.
Status dequantize(const Tensor& tensor, std::vector<float>* values) {
  std::vector<std::int8_t> stored;
  TFSPARSE_RETURN_IF_ERROR(read_int8(tensor, &stored));
  if (unsupported_activation(tensor).empty()) {
    const Quantization& from = *tensor.quantization;
    values->clear();
    for (int code : stored) values->push_back(from.scale() * (code - from.zero_point()));
    return {};
  }
  const int rank = static_cast<int>(tensor.shape.size());
  const int axis = tensor.quantization ? tensor.quantization->axis : 0;
  const std::string reason =
      axis >= 0 && axis < rank ? unsupported_int8_weights(tensor, axis) : "has no such axis";
  if (!reason.empty()) return Status::error("tensor '" + tensor.name + "': " + reason);
  const std::vector<float> scales = weight_scales(tensor, axis);
  std::size_t inner = 1;
  for (int dim = axis + 1; dim < rank; ++dim) inner *= tensor.shape[dim];
  values->resize(stored.size());
  for (std::size_t i = 0; i < stored.size(); ++i) {
    (*values)[i] = scales[i / inner % scales.size()] * stored[i];
  }
  return {};
}

}  // namespace

const char* to_string(DType type) {
  switch (type) {
    case DType::kFloat32:
      return "float32";
    case DType::kFloat16:
      return "float16";
    case DType::kInt8:
      return "int8";
    case DType::kUInt8:
      return "uint8";
    case DType::kInt16:
      return "int16";
    case DType::kInt32:
      return "int32";
    case DType::kInt64:
      return "int64";
    case DType::kOther:
      break;
  }
  return "another type";
}

Status read_floats(const Tensor& tensor, std::vector<float>* values) {
  if (tensor.is_constant() && tensor.type == DType::kFloat16) {
    const auto widened = [&](std::size_t i) { return widen(load<std::uint16_t>(tensor, i)); };
    return read_values(tensor, widened, values);
  }
  if (tensor.type == DType::kInt8) return dequantize(tensor, values);
  return read_stored(tensor, DType::kFloat32, values);
}

Status read_int8(const Tensor& tensor, std::vector<std::int8_t>* values) {
  return read_stored(tensor, DType::kInt8, values);
}

Status read_int32(const Tensor& tensor, std::vector<std::int32_t>* values) {
  return read_stored(tensor, DType::kInt32, values);
}

Status read_ints(const Tensor& tensor, std::vector<std::int64_t>* values) {
  const std::int64_t elements = element_count(tensor.shape);
  if (!tensor.is_constant() || tensor.sparsity || elements < 0 || elements > 64 ||
      (tensor.type != DType::kInt32 && tensor.type != DType::kInt64) ||
      tensor.bytes != static_cast<std::size_t>(elements) * size_of(tensor.type)) {
    return Status::error("tensor '" + tensor.name + "' is not a small integer constant");
  }
  values->clear();
  for (std::int64_t i = 0; i < elements; ++i) {
    if (tensor.type == DType::kInt32) {
      std::int32_t value;
      std::memcpy(&value, static_cast<const char*>(tensor.data) + 4 * i, sizeof value);
      values->push_back(value);
    } else {
      std::int64_t value;
      std::memcpy(&value, static_cast<const char*>(tensor.data) + 8 * i, sizeof value);
      values->push_back(value);
    }
  }
  return {};
}

GraphIndex::GraphIndex(const Graph& graph)
    : graph_(graph), makers_(graph.tensors.size(), -1), readers_(graph.tensors.size()) {
  for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
    const Node& node = graph.nodes[i];
    const int index = static_cast<int>(i);
    first_nodes_.emplace(node.id, index);
    if (node.output >= 0 && makers_[node.output] < 0) makers_[node.output] = index;
    for (int input : node.inputs) {
      if (input >= 0) readers_[input].push_back(index);
    }
  }
}

int GraphIndex::first_node(int id) const {
  const auto found = first_nodes_.find(id);
  return found == first_nodes_.end() ? -1 : found->second;
}

int GraphIndex::stored_constant(int tensor) const {
  // The longest valid chain is DENSIFY -> DEQUANTIZE. The bound stops on a cyclic file.
  for (int depth = 0; depth < 4 && tensor >= 0; ++depth) {
    if (graph_.tensors[tensor].is_constant()) return tensor;
    if (maker(tensor) < 0) return -1;
    const Node& node = graph_.nodes[maker(tensor)];
    if (node.op->role() != Role::kConstant) return -1;
    tensor = node.inputs[0];
  }
  return -1;
}

std::vector<int> nodes_of(const Graph& graph, const GraphIndex& index,
                          const std::vector<int>& ids) {
  std::vector<int> nodes;
  for (int id : ids) {
    const std::size_t first = static_cast<std::size_t>(std::max(index.first_node(id), 0));
    for (std::size_t i = first; i < graph.nodes.size() && graph.nodes[i].id == id; ++i) {
      nodes.push_back(static_cast<int>(i));
    }
  }
  std::sort(nodes.begin(), nodes.end());
  return nodes;
}

}  // namespace tfsparse
