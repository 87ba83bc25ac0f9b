#include "delegate/tflite/partitioning.h"

#include <algorithm>
#include <set>

#include "delegate/core/assignment/trial.h"
#include "delegate/core/graph/fingerprint.h"
#include "delegate/tflite/adapter.h"

namespace tfsparse {
namespace {

// How the runtime would partition these nodes. The runtime owns the array.
Status preview(TfLiteContext* context, const std::vector<int>& ids, TfLiteDelegateParams** parts,
               int* count) {
  if (context->PreviewDelegatePartitioning(context, IntArray(ids).get(), parts, count) !=
      kTfLiteOk) {
    return Status::error("the runtime cannot partition this model");
  }
  return {};
}

// Nodes of one operator are consecutive.
void add_once(int id, std::vector<int>* ids) {
  if (ids->empty() || ids->back() != id) ids->push_back(id);
}

}  // namespace

Status find_outputs(TfLiteContext* context, Graph* graph) {
  std::vector<int> ids;
  for (const Node& node : graph->nodes) add_once(node.id, &ids);
  TfLiteDelegateParams* parts = nullptr;
  int count = 0;
  TFSPARSE_RETURN_IF_ERROR(preview(context, ids, &parts, &count));
  for (int i = 0; i < count; ++i) {
    const std::vector<int> outputs = to_vector(parts[i].output_tensors);
    graph->outputs.insert(graph->outputs.end(), outputs.begin(), outputs.end());
  }
  return {};
}

bool Partitioning::follow(const std::vector<int>& operators) {
  const std::set<int> wanted(operators.begin(), operators.end());
  std::set<int> possible;
  for (int id : taken_ids()) possible.insert(id);
  if (!std::includes(possible.begin(), possible.end(), wanted.begin(), wanted.end())) return false;
  for (std::size_t i = 0; i < assignments_.size(); ++i) {
    if (assignments_[i].taken() && !wanted.count(graph_.nodes[i].id)) {
      assignments_[i].reason = "left by tuning: TFLite's default was about as fast or faster";
    }
  }
  leave_dependents(graph_, &assignments_);
  follows_ = true;
  return true;
}

Status Partitioning::run() {
  for (bool changed = true; changed;) {
    changed = false;
    TFSPARSE_RETURN_IF_ERROR(cut(&parts_));
    for (const Part& part : parts_) {
      if (check_part(part)) changed = true;
    }
    if (changed) leave_dependents(graph_, &assignments_);
  }
  return {};
}

std::vector<int> Partitioning::taken_ids() const {
  std::vector<int> ids;
  for (std::size_t i = 0; i < assignments_.size(); ++i) {
    if (assignments_[i].taken()) add_once(graph_.nodes[i].id, &ids);
  }
  return ids;
}

std::unique_ptr<Partition> Partitioning::partition(const TfLiteDelegateParams& params) {
  const std::vector<int> nodes = to_vector(params.nodes_to_replace);
  const auto planned = planned_.find(nodes.front());
  if (planned != planned_.end() && planned->second.nodes == nodes && planned->second.partition) {
    return std::move(planned->second.partition);
  }
  return std::make_unique<Partition>(options_,
                                     extract(graph_, index_, nodes, to_vector(params.input_tensors),
                                             to_vector(params.output_tensors)));
}

std::vector<TakenPart> Partitioning::taken_parts() const {
  std::vector<double> sparsity(graph_.tensors.size(), 0.0);
  for (const Assignment& assignment : assignments_) {
    if (assignment.weights >= 0) sparsity[assignment.weights] = assignment.weight_zeros;
  }
  std::vector<TakenPart> taken;
  for (const Part& part : parts_) {
    const auto planned = planned_.find(part.nodes.front());
    const bool is_planned = planned != planned_.end() && planned->second.partition;
    const double macs = is_planned ? planned->second.partition->macs() : 0;
    const Graph graph = extract(graph_, index_, part.nodes, part.inputs, part.outputs);
    std::vector<int> operators;
    for (const Node& node : graph.nodes) add_once(node.id, &operators);
    taken.push_back({std::move(operators), structure_fingerprint(graph, sparsity), macs});
  }
  return taken;
}

Status Partitioning::cut(std::vector<Part>* result) const {
  result->clear();
  TfLiteDelegateParams* parts = nullptr;
  int count = 0;
  TFSPARSE_RETURN_IF_ERROR(preview(context_, taken_ids(), &parts, &count));
  for (int i = 0; i < count; ++i) {
    result->push_back({to_vector(parts[i].nodes_to_replace), to_vector(parts[i].input_tensors),
                       to_vector(parts[i].output_tensors)});
  }
  return {};
}

// Returns whether a node was left.
bool Partitioning::check_part(const Part& part) {
  if (!has_any_weights(part)) {
    return leave(part, Status::error("no convolution, dense layer or matrix product in this part: "
                                     "a layout change would not pay"));
  }
  if (leave_unknown_shapes(part)) return true;
  Planned& planned = planned_[part.nodes.front()];
  if (planned.nodes == part.nodes) return false;
  auto partition = std::make_unique<Partition>(
      options_, extract(graph_, index_, part.nodes, part.inputs, part.outputs));
  const Status status = partition->plan_ahead(*context_);
  if (!status.ok()) return leave(part, status);
  if (options_.automatic && !follows_) {
    if (!partition->sizes_are_known()) {
      return leave(part, Status::error("its size is known only when the model runs: option auto "
                                       "cannot tell which is faster"));
    }
    const double skipped =
        skipped_share(graph_, assignments_, nodes_of(graph_, index_, part.nodes));
    const Status advice = partition->compare_with_default(share_to_take(skipped));
    if (!advice.ok()) return leave(part, advice);
  }
  planned = {part.nodes, std::move(partition)};
  return false;
}

bool Partitioning::has_any_weights(const Part& part) const {
  const std::vector<int> nodes = nodes_of(graph_, index_, part.nodes);
  return std::any_of(nodes.begin(), nodes.end(),
                     [&](int i) { return graph_.nodes[i].op->has_weights(); });
}

// Leaves nodes that read integers that are neither constant nor computed in the same part.
bool Partitioning::leave_unknown_shapes(const Part& part) {
  const std::vector<int> nodes = nodes_of(graph_, index_, part.nodes);
  std::set<int> made;  // tensors
  for (int i : nodes) made.insert(graph_.nodes[i].output);
  bool changed = false;
  for (int i : nodes) {
    const Node& node = graph_.nodes[i];
    const std::vector<std::size_t> integers = node.op->shape_inputs(node);
    const bool known = std::all_of(integers.begin(), integers.end(), [&](std::size_t input) {
      const int tensor = node.inputs[input];
      return graph_.tensors[tensor].is_constant() || made.count(tensor);
    });
    if (known) continue;
    assignments_[i].reason = "its shape is computed in another part of the model";
    changed = true;
  }
  return changed;
}

bool Partitioning::leave(const Part& part, const Status& status) {
  const std::vector<int> blamed = status.node() < 0 ? part.nodes : std::vector<int>{status.node()};
  for (int i : nodes_of(graph_, index_, blamed)) {
    if (assignments_[i].taken()) assignments_[i].reason = status.message();
  }
  return true;
}

}  // namespace tfsparse
