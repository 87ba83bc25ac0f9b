#include "delegate/tflite/report.h"

namespace tfsparse {
namespace {

PlanReport report_plan(const Plan& plan, double default_seconds) {
  PlanReport report{plan.arena_bytes(), default_seconds, plan.runs(), {}};
  for (std::size_t i = 0; i < plan.steps().size(); ++i) {
    const std::vector<StepPart>& parts = plan.steps()[i]->parts;
    for (std::size_t part = 0; part < parts.size(); ++part) {
      const auto& [node, kernel, macs] = parts[part];
      report.steps.push_back({node, kernel, macs, {}});
      if (plan.runs() > 0) report.steps.back().seconds = plan.seconds()[i][part];
    }
  }
  return report;
}

}  // namespace

NodeReport report_node(int subgraph, const Node& node, const Graph& graph,
                       const Assignment& assignment) {
  NodeReport report{subgraph,           node.id,           node.type, node.code, "",
                    assignment.taken(), assignment.reason, {}};
  if (node.output >= 0) report.name = graph.tensors[node.output].name;
  if (assignment.weights >= 0) {
    const Tensor& weights = graph.tensors[assignment.weights];
    report.weights = {weights.shape, assignment.weight_zeros, weights.sparsity != nullptr};
  }
  return report;
}

PartitionReport report_partition(int subgraph, const Partition& partition, const Speed& speed) {
  PartitionReport report{subgraph, partition.threads(), {}, {}};
  for (const Node& node : partition.graph().nodes) report.nodes.push_back(node.id);
  if (const Plan* plan = partition.plan()) {
    report.plan = report_plan(
        *plan, predict_default_seconds(plan->default_work(), speed, partition.threads()));
  }
  return report;
}

}  // namespace tfsparse
