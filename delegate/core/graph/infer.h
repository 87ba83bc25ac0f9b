// Shape inference.
#pragma once

#include <cstdint>
#include <map>
#include <utility>
#include <vector>

#include "delegate/core/graph/graph.h"

namespace tfsparse {

// Sets the output shape of every node and the padding of every window from the shapes of the
// graph's inputs and its constants. Evaluates shape arithmetic (SHAPE, GATHER, PACK and others).
// Fails if shapes do not fit each other.
Status infer_shapes(Graph* graph);

// Infers the shapes of the nodes flagged in `nodes`. The file's shapes of inner tensors are only
// those of its example input. Other nodes keep the file's shape, marked as unknown if its size is
// open.
void infer_known_shapes(const std::vector<bool>& nodes, Graph* graph);

using Ints = std::vector<std::int64_t>;

// The operators' access to shapes and constants during shape inference.
class ShapeContext {
 public:
  explicit ShapeContext(Graph* graph) : graph_(*graph) {}

  const Shape& in(const Node& node, int i) const { return graph_.tensors[node.inputs[i]].shape; }
  void set_out(const Node& node, Shape shape) {
    graph_.tensors[node.output].shape = std::move(shape);
  }

  // The values of a small integer tensor: a constant or a result of shape arithmetic.
  Status ints(int tensor, Ints* values) const {
    const auto known = ints_.find(tensor);
    if (known == ints_.end()) return read_ints(graph_.tensors[tensor], values);
    *values = known->second;
    return {};
  }
  // The value of a tensor that holds one axis out of `rank`. A negative one counts from the end.
  Status axis(int tensor, std::size_t rank, int* axis) const;
  void set_ints(int tensor, Ints values) { ints_[tensor] = std::move(values); }

 private:
  Graph& graph_;
  std::map<int, Ints> ints_;
};

// The shape of an element-wise operator's output. Fails if the operands do not fit each other.
Status broadcast(const Shape& a, const Shape& b, Shape* shape);

// Makes an axis that may count from the end count from the start. Returns false if it is out of
// range.
bool normalize_axis(std::int64_t axis, std::size_t rank, int* normalized);

}  // namespace tfsparse
