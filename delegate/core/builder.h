// Turns a graph into the steps of a plan.
#pragma once

#include "delegate/core/plan.h"
#include "delegate/core/row_step.h"

namespace tfsparse {

// Chooses a layout for every tensor, places layout changes where neighbours disagree, and makes the
// steps. A *value* is a tensor in one layout; a tensor may have one in each.
class PlanBuilder {
 public:
  PlanBuilder(const Graph& graph, const Kernels& kernels, Plan* plan)
      : graph_(graph), kernels_(kernels), plan_(*plan) {}

  // `graph` has its shapes and is fused.
  Status build(int threads);

 private:
  struct Value {
    std::size_t floats;
    bool external;  // an input or output of the graph, not in the arena
  };

  void find_chains();
  bool is_row_step(const Node& node) const;
  bool is_matrix_product(const Node& node) const;
  bool convolution_reads_border(const Node& node) const;
  RowWindow window(const Node& node) const;
  Status add_node(const Node& node);
  Status add_chain(const std::vector<const Node*>& nodes);
  // Makes a convolution's step. A tensor within a chain has no value of its own: `x` and `y` are
  // the strips that stand for it there, or null.
  Status make_row_step(const Node& node, const Planes* x, const Planes* y,
                       std::unique_ptr<RowStep>* step);
  Status add_matrix_product(const Node& node);
  Status add_binary(const Node& node);
  void add(std::unique_ptr<Step> step, int node_id = -1);
  void bind_outputs();
  Status lay_out_memory(int threads);

  int new_value(std::size_t floats);
  int define_flat(int tensor);
  int define_planes(int tensor);
  int flat(int tensor);    // the tensor's value in TFLite's order, made if need be
  int planes(int tensor);  // the same in planes
  bool prefers_planes(int tensor) const;
  Status set_operand(int tensor, bool in_planes, Operand* operand);

  const Shape& shape(int tensor) const { return graph_.tensors[tensor].shape; }
  std::size_t elements(int tensor) const {
    return static_cast<std::size_t>(element_count(shape(tensor)));
  }
  // Planes of a single pixel are in TFLite's order already: such a tensor has one value only.
  bool is_image(int tensor) const {
    const Shape& s = shape(tensor);
    return s.size() == 4 && (s[1] != 1 || s[2] != 1);
  }

  const Graph& graph_;
  const Kernels& kernels_;
  Plan& plan_;
  bool reads_unmade_ = false;
  std::vector<Value> values_;
  // Of each node, the nodes that are computed in strips when it is its turn, itself the last; empty
  // where an earlier node's turn is left to a later one's.
  std::vector<std::vector<const Node*>> chains_;
  std::vector<int> flat_;    // of each tensor, its value in TFLite's order, or -1
  std::vector<int> planes_;  // of each tensor, its value in planes, or -1
};

}  // namespace tfsparse
