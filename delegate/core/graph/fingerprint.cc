#include "delegate/core/graph/fingerprint.h"

#include <functional>

#include "delegate/core/graph/hasher.h"

namespace tfsparse {
namespace {

void add_encoding(const SparseEncoding& encoding, Hasher* hasher) {
  hasher->add(encoding.traversal_order, encoding.block_map);
  for (const SparseLevel& level : encoding.levels) {
    hasher->add(level.compressed, level.dense_size, level.segments, level.indices);
  }
}

// Adds the graph. Tensors are numbered by first use, so that the rest of the network does not
// matter. `add_constant` adds the content of a constant.
void add_graph(const Graph& graph, const std::function<void(int tensor)>& add_constant,
               Hasher* hasher) {
  std::vector<int> numbers(graph.tensors.size(), -1);
  int count = 0;
  const auto add_tensor = [&](int index) {
    if (index < 0) return hasher->add(-1);
    const bool is_new = numbers[index] < 0;
    if (is_new) numbers[index] = count++;
    hasher->add(numbers[index]);
    if (!is_new) return;
    const Tensor& tensor = graph.tensors[index];
    hasher->add(tensor.type, tensor.shape, tensor.size_is_open, tensor.is_constant());
    if (tensor.quantization) {
      hasher->add(tensor.quantization->scales, tensor.quantization->zero_points);
    }
    if (tensor.is_constant()) add_constant(index);
  };
  for (const Node& node : graph.nodes) {
    hasher->add(node.type, node.code, node.output_index);
    node.op->hash(hasher);
    hasher->add(node.inputs.size());
    for (int input : node.inputs) add_tensor(input);
    add_tensor(node.output);
  }
  for (int output : graph.outputs) add_tensor(output);
}

}  // namespace

std::uint64_t fingerprint(const Graph& graph) {
  Hasher hasher;
  const auto add_constant = [&](int index) {
    const Tensor& tensor = graph.tensors[index];
    hasher.bytes(tensor.data, tensor.bytes);
    if (tensor.sparsity) add_encoding(*tensor.sparsity, &hasher);
  };
  add_graph(graph, add_constant, &hasher);
  for (const Node& node : graph.nodes) hasher.add(node.id);
  return hasher.state();
}

std::uint64_t structure_fingerprint(const Graph& graph, const std::vector<double>& sparsity) {
  Hasher hasher;
  add_graph(
      graph, [&](int index) { hasher.add(static_cast<int>(10 * sparsity[index] + 0.5)); }, &hasher);
  return hasher.state();
}

}  // namespace tfsparse
