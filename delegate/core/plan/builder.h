// Turns a graph into the steps of a plan.
#pragma once

#include <memory>
#include <vector>

#include "delegate/core/plan/layout.h"
#include "delegate/core/plan/plan.h"
#include "delegate/core/plan/values.h"

namespace tfsparse {

// Calls each operator to choose its output's layout and add its steps. Values adds the layout
// changes between them.
class PlanBuilder {
 public:
  PlanBuilder(const Graph& graph, const Kernels& kernels, const int8::Kernels& int8_kernels,
              Plan* plan)
      : graph_(graph),
        kernels_(kernels),
        int8_kernels_(int8_kernels),
        plan_(*plan),
        values_(graph, kernels.element_bytes, &plan->steps_) {}

  // Needs a fused graph with shapes.
  Status build(int threads);

  // The interface for operators.
  void add(std::unique_ptr<Step> step, const Node& node);
  const Graph& graph() const { return graph_; }
  const Kernels& kernels() const { return kernels_; }
  const int8::Kernels& int8_kernels() const { return int8_kernels_; }
  Values& values() { return values_; }
  const Tensor& tensor(int index) const { return graph_.tensors[index]; }
  const Shape& shape(int tensor) const { return graph_.tensors[tensor].shape; }
  bool is_int8(int tensor) const { return graph_.tensors[tensor].type == DType::kInt8; }

 private:
  Status add_node(const Node& node);
  Status add_row_tiling(const std::vector<const Node*>& nodes);
  Status lay_out_memory(int threads);

  const Graph& graph_;
  const Kernels& kernels_;
  const int8::Kernels& int8_kernels_;
  Plan& plan_;
  Values values_;
};

}  // namespace tfsparse
