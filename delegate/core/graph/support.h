// The support check: whether the delegate can run a node.
#pragma once

#include <string>

#include "delegate/core/graph/graph.h"

namespace tfsparse {

class SupportContext {
 public:
  SupportContext(const Graph& graph, const GraphIndex& index) : graph_(graph), index_(index) {}

  const Tensor& tensor(int index) const { return graph_.tensors[index]; }
  // The stored constant behind a tensor, or -1 (see GraphIndex), and its shape.
  int stored_constant(int index) const { return index_.stored_constant(index); }
  const Shape& stored_shape(int index) const { return tensor(stored_constant(index)).shape; }

 private:
  const Graph& graph_;
  const GraphIndex& index_;
};

// Why the delegate cannot run a node, regardless of its neighbours. Empty if it can. Includes the
// operator's own check.
std::string unsupported_because(const SupportContext& context, const Node& node);

// Checks that operators share. Each returns a reason, or an empty string.

// For operators with one input.
std::string unsupported_input(const SupportContext& context, const Node& node);

// For operators on several inputs of the output's type, some of which may be constants.
std::string unsupported_inputs(const SupportContext& context, const Node& node);

// For operators that compute with codes as they are: every int8 input must have the output's scale.
std::string unsupported_scales(const SupportContext& context, const Node& node);

// For operators on the first input whose other inputs are parameters.
std::string unsupported_parameters(const SupportContext& context, const Node& node);

}  // namespace tfsparse
