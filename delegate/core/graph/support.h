// The support check: what an operator sees of the graph when it is asked whether the delegate runs
// a node of it.
#pragma once

#include <string>

#include "delegate/core/graph/graph.h"

namespace tfsparse {

class SupportContext {
 public:
  SupportContext(const Graph& graph, const GraphIndex& index) : graph_(graph), index_(index) {}

  const Tensor& tensor(int index) const { return graph_.tensors[index]; }
  // The constant behind a tensor, see GraphIndex, or -1; and its shape.
  int stored_constant(int index) const { return index_.stored_constant(index); }
  const Shape& stored_shape(int index) const { return tensor(stored_constant(index)).shape; }

 private:
  const Graph& graph_;
  const GraphIndex& index_;
};

// Why the delegate does not run a node, seen by itself; empty where it does. Asks the operator when
// it has checked what holds for all.
std::string unsupported_because(const SupportContext& context, const Node& node);

// What many operators check. Each returns why not, or nothing.

// Of an operator on its first input.
std::string unsupported_input(const SupportContext& context, const Node& node);

// Of an operator whose inputs are floats all alike, constants among them.
std::string unsupported_inputs(const SupportContext& context, const Node& node);

// Of an operator on its first input whose other inputs say what it does.
std::string unsupported_parameters(const SupportContext& context, const Node& node);

}  // namespace tfsparse
