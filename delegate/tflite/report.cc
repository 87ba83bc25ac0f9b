// Delegate::report, and the keys by which Python finds the delegates that it asked for one.
#include <algorithm>
#include <map>

#include "delegate/tflite/delegate.h"

namespace tfsparse {
namespace {

constexpr int kSpeedRuns = 10;

struct Registry {
  std::mutex mutex;
  std::map<std::string, const Delegate*> delegates;
};

Registry& registry() {
  static Registry instance;
  return instance;
}

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

PartitionReport report_partition(const PlacedPartition& placed, const Speed& speed) {
  const Partition& partition = *placed.partition;
  PartitionReport report{placed.subgraph, partition.threads(), {}, {}};
  for (const Node& node : partition.graph().nodes) report.nodes.push_back(node.id);
  if (const Plan* plan = partition.plan()) {
    report.plan = report_plan(
        *plan, predict_default_seconds(plan->default_work(), speed, partition.threads()));
  }
  return report;
}

}  // namespace

Delegate::Delegate(const Options& options) : options_(options) {
  if (!options.tuning.empty()) tuning_ = read_tuning(options.tuning);
  connect();
}

Delegate::Delegate(const Options& options, std::vector<TuningEntry> tuning)
    : options_(options), tuning_(std::move(tuning)) {
  connect();
}

void Delegate::connect() {
  handle_.data_ = this;
  handle_.Prepare = &Delegate::prepare;
  // Keras models with an open batch dimension compute the shapes of their reshapes. We compute them
  // when a size changes; they are dynamic for the runtime only.
  handle_.flags = kTfLiteDelegateFlagsAllowDynamicTensors;
  if (options_.report.empty()) return;
  std::lock_guard<std::mutex> lock(registry().mutex);
  registry().delegates[options_.report] = this;
}

Delegate::~Delegate() {
  std::lock_guard<std::mutex> lock(registry().mutex);
  const auto found = registry().delegates.find(options_.report);
  if (found != registry().delegates.end() && found->second == this) {
    registry().delegates.erase(found);
  }
}

Report Delegate::report() const {
  std::lock_guard<std::mutex> lock(mutex_);
  const bool tuned =
      std::any_of(shown_.begin(), shown_.end(), [](const Shown& shown) { return shown.tuned; });
  Report report{options_.kernels->name, options_.lacks_fp16, tuned, {}, {}};
  for (std::size_t subgraph = 0; subgraph < shown_.size(); ++subgraph) {
    const Graph& graph = shown_[subgraph].graph;
    const std::vector<Assignment>& assignments = shown_[subgraph].assignments;
    for (std::size_t i = 0; i < assignments.size(); ++i) {
      if (graph.nodes[i].output_index > 0) continue;  // told with the operator's first output
      report.nodes.push_back(
          report_node(static_cast<int>(subgraph), graph.nodes[i], graph, assignments[i]));
    }
  }
  if (partitions_.empty()) return report;  // the speed is of no use
  SpeedProbe probe;
  for (int run = 0; run < kSpeedRuns; ++run) probe.run();
  for (const PlacedPartition* placed : partitions_) {
    report.partitions.push_back(report_partition(*placed, probe.fastest()));
  }
  return report;
}

std::optional<Report> find_report(const std::string& key) {
  std::lock_guard<std::mutex> lock(registry().mutex);
  const auto found = registry().delegates.find(key);
  if (found == registry().delegates.end()) return {};
  return found->second->report();
}

}  // namespace tfsparse
