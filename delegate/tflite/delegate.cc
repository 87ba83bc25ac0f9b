#include "delegate/tflite/delegate.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <set>
#include <utility>

#include "delegate/core/graph/infer.h"
#include "delegate/tflite/adapter.h"
#include "delegate/tflite/boundary.h"
#include "delegate/tflite/input_shapes.h"
#include "delegate/tflite/profile.h"

namespace tfsparse {
namespace {

TfLiteStatus fail(TfLiteContext* context, const char* message) {
  context->ReportError(context, "tfsparse: %s", message);
  return kTfLiteError;
}

template <class Body>
TfLiteStatus guard(TfLiteContext* context, const Body& body) {
  return tfsparse::guard(body, [context] { return fail(context, "out of memory"); });
}

constexpr int kSpeedRuns = 10;  // runs of the speed probe for a report

void* const kInitFailed = reinterpret_cast<void*>(-1);  // TFLite's value for a failed init

template <TfLiteStatus (Partition::*call)(TfLiteContext*, TfLiteNode*)>
TfLiteStatus call_partition(TfLiteContext* context, TfLiteNode* node) {
  if (node->user_data == kInitFailed) return kTfLiteError;
  Partition& partition = *static_cast<PlacedPartition*>(node->user_data)->partition;
  return guard(context, [&] { return (partition.*call)(context, node); });
}

// Sets an input's open height and width for planning, to as many numbers as a 224 x 224 image has.
// Other open sizes stay as they are.
void close_size(Tensor* input, const std::vector<int>& signature) {
  Shape& shape = input->shape;
  if (signature.size() != 4 || shape.size() != 4 || signature[1] != -1 || signature[2] != -1)
    return;
  if (shape[1] != 1 || shape[2] != 1) return;  // the caller has set the size
  constexpr double kNumbers = 224 * 224 * 3;
  shape[1] = shape[2] = std::max(1, static_cast<int>(std::sqrt(kNumbers / std::max(1, shape[3]))));
}

// The tensors that nodes read and none makes.
std::set<int> read_inputs(const Graph& graph) {
  std::set<int> inputs;
  for (const Node& node : graph.nodes) {
    for (int input : node.inputs) {
      if (input >= 0 && !graph.tensors[input].is_constant()) inputs.insert(input);
    }
  }
  for (const Node& node : graph.nodes) inputs.erase(node.output);
  return inputs;
}

// Infers the known sizes of the coming inference.
void find_sizes(const TfLiteContext& context, const std::set<int>& inputs,
                const std::vector<Assignment>& assignments, Graph* graph) {
  std::vector<bool> sound;
  for (int i : inputs) {
    close_size(&graph->tensors[i], to_vector(context.tensors[i].dims_signature));
  }
  for (const Assignment& assignment : assignments) sound.push_back(assignment.taken());
  infer_known_shapes(sound, graph);
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
  // Keras models with an open batch size compute the shapes of their reshapes. The delegate
  // computes them when a size changes, but the runtime sees dynamic tensors.
  handle_.flags = kTfLiteDelegateFlagsAllowDynamicTensors;
}

void Delegate::keep_report(bool time_steps) {
  keeps_report_ = true;
  options_.profile = options_.profile || time_steps;
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
      if (graph.nodes[i].output_index > 0) continue;  // reported with the operator's first output
      report.nodes.push_back(
          report_node(static_cast<int>(subgraph), graph.nodes[i], graph, assignments[i]));
    }
  }
  if (partitions_.empty()) return report;  // no need to measure the speed
  SpeedProbe probe;
  for (int run = 0; run < kSpeedRuns; ++run) probe.run();
  for (const PlacedPartition* placed : partitions_) {
    report.partitions.push_back(
        report_partition(placed->subgraph, *placed->partition, probe.fastest()));
  }
  return report;
}

TfLiteStatus Delegate::prepare(TfLiteContext* context, TfLiteDelegate* handle) {
  const auto partition_or_tell = [&] {
    const Status layout = check_runtime(*context);
    if (layout.ok()) {
      return guard(context,
                   [&] { return static_cast<Delegate*>(handle->data_)->partition(context); });
    }
    std::fprintf(stderr, "tfsparse: %s\n", layout.message().c_str());
    return kTfLiteError;
  };
  return guard(partition_or_tell, [] { return kTfLiteError; });
}

TfLiteStatus Delegate::partition(TfLiteContext* context) {
  std::lock_guard<std::mutex> lock(partitioning_mutex_);
  Graph graph;
  std::vector<Assignment> assignments;
  Status status = read_graph(context, &graph);
  if (status.ok()) status = find_outputs(context, &graph);
  if (status.ok()) status = assign_nodes(graph, &assignments);
  Partitioning partitioning(context, graph, options_, &assignments);
  Decision decision;
  if (status.ok()) {
    if (tuning_) decision = follow_tuning(*context, graph, &partitioning);
    const std::set<int> inputs = read_inputs(graph);
    const Status fits = set_input_shapes(options_.input_shapes, inputs, &graph);
    // of the model itself: the other subgraphs have other inputs
    if (subgraph_ < 0) status = fits;
    find_sizes(*context, inputs, assignments, &graph);
    if (status.ok()) status = partitioning.run();
  }
  if (!status.ok()) return fail(context, status.message().c_str());
  const IntArray ids(partitioning.taken_ids());
  show(graph, assignments, decision.measured);
  ++subgraph_;
  if (decisions_ != nullptr) {
    decision.taken = partitioning.taken_ids();
    std::sort(decision.taken.begin(), decision.taken.end());
    decision.parts = partitioning.taken_parts();
    decisions_->push_back(std::move(decision));
  }
  if (ids.get()->size == 0) return kTfLiteOk;

  TfLiteRegistration registration{};
  registration.init = &Delegate::init;
  registration.free = &Delegate::free;
  registration.prepare = call_partition<&Partition::prepare>;
  registration.invoke = call_partition<&Partition::invoke>;
  registration.custom_name = "TfSparseDelegate";
  registration.version = 1;
  partitioning_ = &partitioning;
  init_failed_ = false;
  const TfLiteStatus replaced =
      context->ReplaceNodeSubsetsWithDelegateKernels(context, registration, ids.get(), &handle_);
  partitioning_ = nullptr;
  return init_failed_ ? kTfLiteError : replaced;
}

Decision Delegate::follow_tuning(const TfLiteContext& context, const Graph& graph,
                                 Partitioning* partitioning) const {
  Decision decision;
  decision.key = tuning_key(graph, options_, threads_wanted(options_, context));
  const TuningEntry* entry = find_entry(*tuning_, decision.key);
  decision.measured = entry != nullptr && partitioning->follow(entry->operators);
  return decision;
}

void Delegate::show(const Graph& graph, const std::vector<Assignment>& assignments, bool tuned) {
  if (!keeps_report_ && !options_.profile) return;
  std::lock_guard<std::mutex> lock(mutex_);
  shown_.push_back({graph, assignments, tuned});
}

void* Delegate::init(TfLiteContext* context, const char* buffer, std::size_t) {
  const auto& params = *reinterpret_cast<const TfLiteDelegateParams*>(buffer);
  auto* delegate = static_cast<Delegate*>(params.delegate->data_);
  const auto place = [&]() -> void* {
    if (delegate->partitioning_ == nullptr) return kInitFailed;
    std::unique_ptr<PlacedPartition> placed(new PlacedPartition{
        delegate, delegate->subgraph_, delegate->partitioning_->partition(params)});
    std::lock_guard<std::mutex> lock(delegate->mutex_);
    delegate->partitions_.push_back(placed.get());
    return placed.release();
  };
  return guard(place, [context, delegate] {
    fail(context, "out of memory");
    delegate->init_failed_ = true;
    return kInitFailed;
  });
}

void Delegate::free(TfLiteContext*, void* user_data) {
  if (user_data == kInitFailed) return;
  auto* placed = static_cast<PlacedPartition*>(user_data);
  Delegate* delegate = placed->owner;
  std::lock_guard<std::mutex> lock(delegate->mutex_);
  auto& partitions = delegate->partitions_;
  partitions.erase(std::remove(partitions.begin(), partitions.end(), placed), partitions.end());
  // the report has the times too
  const bool prints = delegate->options_.profile && !delegate->keeps_report_;
  if (prints) {
    guard([&] { print_profile(*placed, delegate->shown_[placed->subgraph]); }, [] {});
  }
  delete placed;
}

}  // namespace tfsparse
