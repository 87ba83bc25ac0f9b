#include "delegate/core/fingerprint.h"

#include <cstring>
#include <functional>

namespace tfsparse {
namespace {

class Hasher {
 public:
  void bytes(const void* data, std::size_t size) {
    number(
        static_cast<std::int64_t>(size));  // so that bytes cannot move from one field to the next
    state_ = hash_bytes(data, size, state_);
  }
  void number(std::int64_t value) { state_ = hash_bytes(&value, sizeof value, state_); }
  void real(float value) { state_ = hash_bytes(&value, sizeof value, state_); }
  void numbers(const std::vector<int>& values) {
    bytes(values.data(), values.size() * sizeof(int));
  }
  void text(const std::string& value) { bytes(value.data(), value.size()); }
  std::uint64_t state() const { return state_; }

 private:
  std::uint64_t state_ = 0;
};

template <class Enum>
std::int64_t as_number(Enum value) {
  return static_cast<std::int64_t>(value);
}

// What an operator does, without the tensors that it does it to.
void add_parameters(const Node& node, Hasher* hasher) {
  const Epilogue& epilogue = node.epilogue;
  hasher->text(node.type);
  for (std::int64_t value :
       {as_number(node.op), as_number(node.code), as_number(node.padding), as_number(node.pooling),
        as_number(node.interpolation), as_number(node.unary), as_number(node.binary),
        as_number(node.reduction), as_number(epilogue.activation)}) {
    hasher->number(value);
  }
  for (int value : {node.stride_h, node.stride_w, node.dilation_h, node.dilation_w, node.window_h,
                    node.window_w, node.axis, node.part, node.parts, node.block_size,
                    node.begin_mask, node.end_mask, node.shrink_axis_mask, node.other_masks,
                    int{node.align_corners}, int{node.half_pixel_centers}, int{node.keep_dims}}) {
    hasher->number(value);
  }
  for (float value : {epilogue.slope, epilogue.lo, epilogue.hi, node.beta}) hasher->real(value);
  hasher->numbers(node.axes);
  hasher->numbers(node.new_shape);
}

void add_encoding(const SparseEncoding& encoding, Hasher* hasher) {
  hasher->numbers(encoding.traversal_order);
  hasher->numbers(encoding.block_map);
  for (const SparseLevel& level : encoding.levels) {
    hasher->number(level.compressed);
    hasher->number(level.dense_size);
    hasher->numbers(level.segments);
    hasher->numbers(level.indices);
  }
}

// Adds the graph with its tensors numbered in the order in which its nodes name them, so that the
// rest of the network plays no part. `add_constant` adds what a constant holds.
void add_graph(const Graph& graph, const std::function<void(int tensor)>& add_constant,
               Hasher* hasher) {
  std::vector<int> numbers(graph.tensors.size(), -1);
  int count = 0;
  const auto add_tensor = [&](int index) {
    if (index < 0) return hasher->number(-1);
    const bool is_new = numbers[index] < 0;
    if (is_new) numbers[index] = count++;
    hasher->number(numbers[index]);
    if (!is_new) return;
    const Tensor& tensor = graph.tensors[index];
    hasher->number(as_number(tensor.type));
    hasher->numbers(tensor.shape);
    hasher->number(tensor.size_is_open);
    hasher->number(tensor.is_constant());
    if (tensor.is_constant()) add_constant(index);
  };
  for (const Node& node : graph.nodes) {
    add_parameters(node, hasher);
    hasher->number(static_cast<std::int64_t>(node.inputs.size()));
    for (int input : node.inputs) add_tensor(input);
    add_tensor(node.output);
  }
  for (int output : graph.outputs) add_tensor(output);
}

}  // namespace

std::uint64_t hash_bytes(const void* data, std::size_t size, std::uint64_t seed) {
  constexpr std::uint64_t kMultiplier = 0xc6a4a7935bd1e995;
  constexpr int kShift = 47;
  const auto mix = [](std::uint64_t value) {
    value *= kMultiplier;
    return (value ^ (value >> kShift)) * kMultiplier;
  };
  const char* bytes = static_cast<const char*>(data);
  std::uint64_t hash = seed ^ (size * kMultiplier);
  for (; size >= sizeof(std::uint64_t); size -= sizeof(std::uint64_t)) {
    std::uint64_t word;
    std::memcpy(&word, bytes, sizeof word);
    bytes += sizeof word;
    hash = (hash ^ mix(word)) * kMultiplier;
  }
  if (size > 0) {
    std::uint64_t word = 0;
    std::memcpy(&word, bytes, size);
    hash = (hash ^ word) * kMultiplier;
  }
  hash = (hash ^ (hash >> kShift)) * kMultiplier;
  return hash ^ (hash >> kShift);
}

std::uint64_t fingerprint(const Graph& graph) {
  Hasher hasher;
  const auto add_constant = [&](int index) {
    const Tensor& tensor = graph.tensors[index];
    hasher.bytes(tensor.data, tensor.bytes);
    if (tensor.sparsity) add_encoding(*tensor.sparsity, &hasher);
  };
  add_graph(graph, add_constant, &hasher);
  for (const Node& node : graph.nodes) hasher.number(node.id);
  return hasher.state();
}

std::uint64_t structure_fingerprint(const Graph& graph, const std::vector<double>& sparsity) {
  Hasher hasher;
  add_graph(
      graph, [&](int index) { hasher.number(static_cast<int>(10 * sparsity[index] + 0.5)); },
      &hasher);
  return hasher.state();
}

}  // namespace tfsparse
