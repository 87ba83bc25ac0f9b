// Shapes of everything from the shapes of the inputs.
#pragma once

#include <cstdint>
#include <map>
#include <utility>
#include <vector>

#include "delegate/core/graph/graph.h"

namespace tfsparse {

// Sets the shape of every node's output and the padding of every convolution, from the shapes of
// the graph's inputs and constants. Evaluates the shape arithmetic (SHAPE, STRIDED_SLICE, PACK)
// that feeds RESHAPE. Fails where the shapes do not fit each other.
Status infer_shapes(Graph* graph);

// Sets the shapes that follow from those of the graph's inputs through `nodes`, whatever else the
// graph holds: the file's shapes of inner tensors are those of its example input. Other nodes keep
// the file's shape of their output; where that is open, it is marked as not known.
void infer_known_shapes(const std::vector<bool>& nodes, Graph* graph);

using Ints = std::vector<std::int64_t>;

// What an operator sees of the graph while shapes are inferred, node after node.
class ShapeContext {
 public:
  explicit ShapeContext(Graph* graph) : graph_(*graph) {}

  const Shape& in(const Node& node, int i) const { return graph_.tensors[node.inputs[i]].shape; }
  void set_out(const Node& node, Shape shape) {
    graph_.tensors[node.output].shape = std::move(shape);
  }

  // A small integer tensor: a constant, or what the arithmetic on shapes came to.
  Status ints(int tensor, Ints* values) const {
    const auto known = ints_.find(tensor);
    if (known == ints_.end()) return read_ints(graph_.tensors[tensor], values);
    *values = known->second;
    return {};
  }
  // The same for a tensor of one value that names a dimension out of `rank`, from the end where
  // negative.
  Status axis(int tensor, std::size_t rank, int* axis) const;
  void set_ints(int tensor, Ints values) { ints_[tensor] = std::move(values); }

 private:
  Graph& graph_;
  std::map<int, Ints> ints_;
};

// Turns a number that may count dimensions from the end into one from the start; false where there
// is no such dimension.
bool normalize_axis(std::int64_t axis, std::size_t rank, int* normalized);

}  // namespace tfsparse
