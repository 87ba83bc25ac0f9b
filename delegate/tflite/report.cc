// Delegate::report, and the keys by which Python finds the delegates that it asked for one.
#include <map>

#include "delegate/tflite/delegate.h"
#include "delegate/tflite/json.h"

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

void write_node(int subgraph, const Node& node, const Graph& graph, const Verdict& verdict,
                Json* json) {
  json->begin_object();
  json->field("subgraph", subgraph);
  json->field("id", node.id);
  json->field("type", node.type);
  json->field("code", node.code);
  json->field("name", node.output >= 0 ? graph.tensors[node.output].name : "");
  json->field("taken", verdict.taken());
  json->field("reason", verdict.reason);
  if (verdict.weights >= 0) {
    const Tensor& weights = graph.tensors[verdict.weights];
    json->field("weights", weights.shape);
    json->field("sparsity", verdict.weight_zeros);
    json->field("encoded", weights.sparsity != nullptr);
  }
  json->end_object();
}

void write_plan(const Plan& plan, double default_seconds, Json* json) {
  json->field("arena_bytes", static_cast<double>(plan.arena_bytes()));
  json->field("default_seconds", default_seconds);
  json->field("runs", plan.runs());
  json->begin_array("steps");
  for (std::size_t i = 0; i < plan.steps().size(); ++i) {
    const Step& step = *plan.steps()[i];
    for (std::size_t part = 0; part < step.parts.size(); ++part) {
      json->begin_object();
      json->field("node", step.parts[part].node_id);
      json->field("kernel", step.parts[part].kernel);
      json->field("macs", step.parts[part].macs);
      if (plan.runs() > 0) json->field("seconds", plan.seconds()[i][part]);
      json->end_object();
    }
  }
  json->end_array();
}

// There is no plan as long as operators before the partition have not computed its sizes.
void write_partition(const PlacedPartition& placed, const Speed& speed, Json* json) {
  const Partition& partition = *placed.partition;
  json->begin_object();
  json->field("subgraph", placed.subgraph);
  json->field("threads", partition.threads());
  std::vector<int> ids;
  for (const Node& node : partition.graph().nodes) ids.push_back(node.id);
  json->field("nodes", ids);
  json->field("planned", partition.plan() != nullptr);
  if (const Plan* plan = partition.plan()) {
    write_plan(*plan, predict_default_seconds(plan->default_work(), speed, partition.threads()),
               json);
  }
  json->end_object();
}

}  // namespace

Delegate::Delegate(const Options& options) : options_(options) {
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

std::string Delegate::report() const {
  std::lock_guard<std::mutex> lock(mutex_);
  Json json;
  json.begin_object();
  json.field("isa", options_.kernels->name);
  json.field("lacks_fp16", options_.lacks_fp16);
  json.begin_array("nodes");
  for (std::size_t subgraph = 0; subgraph < shown_.size(); ++subgraph) {
    const Shown& shown = shown_[subgraph];
    for (std::size_t i = 0; i < shown.verdicts.size(); ++i) {
      if (shown.graph.nodes[i].part > 0) continue;  // told with the operator's first output
      write_node(static_cast<int>(subgraph), shown.graph.nodes[i], shown.graph, shown.verdicts[i],
                 &json);
    }
  }
  json.end_array();
  json.begin_array("partitions");
  SpeedProbe probe;
  for (int run = 0; run < kSpeedRuns; ++run) probe.run();
  for (const PlacedPartition* placed : partitions_) {
    write_partition(*placed, probe.fastest(), &json);
  }
  json.end_array();
  json.end_object();
  return json.text();
}

std::string find_report(const std::string& key) {
  std::lock_guard<std::mutex> lock(registry().mutex);
  const auto found = registry().delegates.find(key);
  return found == registry().delegates.end() ? "" : found->second->report();
}

}  // namespace tfsparse
