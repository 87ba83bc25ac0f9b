// Turns a graph into the steps of a plan.
#pragma once

#include "delegate/core/plan.h"
#include "delegate/core/row_step.h"
#include "delegate/core/values.h"

namespace tfsparse {

// Chooses a layout for every tensor and makes the steps; Values places layout changes where
// neighbours disagree.
class PlanBuilder {
 public:
  PlanBuilder(const Graph& graph, const Kernels& kernels, Plan* plan)
      : graph_(graph),
        kernels_(kernels),
        plan_(*plan),
        values_(graph, kernels.element_bytes, &plan->steps_) {}

  // `graph` has its shapes and is fused.
  Status build(int threads);

 private:
  Status add_node(const Node& node);
  Status add_chain(const std::vector<const Node*>& nodes);
  // Makes a convolution's step. A tensor within a chain has no value of its own: `x` and `y` are
  // the strips that stand for it there, or null.
  Status make_row_step(const Node& node, const Planes* x, const Planes* y,
                       std::unique_ptr<RowStep>* step);
  Status add_binary(const Node& node);
  Status add_reduction(const Node& node);
  // The operators that only move values: builder_moves.cc.
  Status add_pad(const Node& node);
  Status add_concatenation(const Node& node);
  Status add_slice(const Node& node);
  Status add_transpose(const Node& node);
  Status add_block_move(const Node& node);
  // Of each dimension, the elements from one index to the next.
  std::vector<std::ptrdiff_t> strides(int tensor, bool in_planes) const;
  Value define(int tensor, bool in_planes);
  Value value(int tensor, bool in_planes);
  void add(std::unique_ptr<Step> step, int node_id = -1);
  Status lay_out_memory(int threads);

  Status set_operand(int tensor, bool in_planes, Operand* operand);

  const Shape& shape(int tensor) const { return graph_.tensors[tensor].shape; }
  std::size_t elements(int tensor) const {
    return static_cast<std::size_t>(element_count(shape(tensor)));
  }

  const Graph& graph_;
  const Kernels& kernels_;
  Plan& plan_;
  Values values_;
};

}  // namespace tfsparse
