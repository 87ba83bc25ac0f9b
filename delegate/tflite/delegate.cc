#include "delegate/tflite/delegate.h"

#include <algorithm>
#include <cmath>

#include "delegate/core/infer.h"
#include "delegate/tflite/adapter.h"

namespace tfsparse {
namespace {

TfLiteStatus prepare_partition(TfLiteContext* context, TfLiteNode* node) {
  return static_cast<PlacedPartition*>(node->user_data)->partition->prepare(context, node);
}

TfLiteStatus invoke_partition(TfLiteContext* context, TfLiteNode* node) {
  return static_cast<PlacedPartition*>(node->user_data)->partition->invoke(context, node);
}

// Gives an input whose height and width are open a size to plan for: as many numbers as a picture
// of 224 x 224 has. Other open sizes stay as the runtime has set them.
void close_size(Tensor* input, const std::vector<int>& signature) {
  Shape& shape = input->shape;
  if (signature.size() != 4 || shape.size() != 4 || signature[1] != -1 || signature[2] != -1)
    return;
  if (shape[1] != 1 || shape[2] != 1) return;  // the caller has set one
  constexpr double kNumbers = 224 * 224 * 3;
  shape[1] = shape[2] = std::max(1, static_cast<int>(std::sqrt(kNumbers / std::max(1, shape[3]))));
}

// Sets the sizes of the inference at hand, as far as they are known.
void find_sizes(const TfLiteContext& context, const std::vector<Verdict>& verdicts, Graph* graph) {
  std::vector<bool> made(graph->tensors.size(), false), sound;
  for (const Node& node : graph->nodes) {
    if (node.output >= 0) made[node.output] = true;
  }
  for (std::size_t i = 0; i < graph->tensors.size(); ++i) {
    if (made[i] || graph->tensors[i].is_constant()) continue;
    close_size(&graph->tensors[i], to_vector(context.tensors[i].dims_signature));
  }
  for (const Verdict& verdict : verdicts) sound.push_back(verdict.taken());
  infer_known_shapes(sound, graph);
}

}  // namespace

TfLiteStatus Delegate::prepare(TfLiteContext* context, TfLiteDelegate* handle) {
  return static_cast<Delegate*>(handle->data_)->claim(context);
}

TfLiteStatus Delegate::claim(TfLiteContext* context) {
  std::lock_guard<std::mutex> lock(claim_mutex_);
  Graph graph;
  std::vector<Verdict> verdicts;
  Status status = read_graph(context, &graph);
  if (status.ok()) status = find_outputs(context, &graph);
  if (status.ok()) status = select_nodes(graph, &verdicts);
  Claim claim(context, graph, options_, &verdicts);
  if (status.ok()) {
    find_sizes(*context, verdicts, &graph);
    status = claim.settle();
  }
  if (!status.ok()) {
    if (context->ReportError)
      context->ReportError(context, "tfsparse: %s", status.message().c_str());
    return kTfLiteError;
  }
  const IntArray ids(claim.taken_ids());
  ++subgraph_;
  show(graph, verdicts);
  if (ids.get()->size == 0) return kTfLiteOk;

  TfLiteRegistration registration{};
  registration.init = &Delegate::init;
  registration.free = &Delegate::free;
  registration.prepare = prepare_partition;
  registration.invoke = invoke_partition;
  registration.custom_name = "TfSparseDelegate";
  registration.version = 1;
  claiming_ = &claim;
  const TfLiteStatus replaced =
      context->ReplaceNodeSubsetsWithDelegateKernels(context, registration, ids.get(), &handle_);
  claiming_ = nullptr;
  return replaced;
}

void Delegate::show(const Graph& graph, const std::vector<Verdict>& verdicts) {
  if (options_.report.empty() && !options_.profile) return;
  std::lock_guard<std::mutex> lock(mutex_);
  shown_.push_back({graph, verdicts});
}

void* Delegate::init(TfLiteContext*, const char* buffer, std::size_t) {
  const auto& params = *reinterpret_cast<const TfLiteDelegateParams*>(buffer);
  auto* delegate = static_cast<Delegate*>(params.delegate->data_);
  if (delegate->claiming_ == nullptr) return reinterpret_cast<void*>(-1);  // TFLite's "init failed"
  auto* placed =
      new PlacedPartition{delegate, delegate->subgraph_, delegate->claiming_->partition(params)};
  std::lock_guard<std::mutex> lock(delegate->mutex_);
  delegate->partitions_.push_back(placed);
  return placed;
}

void Delegate::free(TfLiteContext*, void* user_data) {
  if (user_data == reinterpret_cast<void*>(-1)) return;  // what a failed init returned
  auto* placed = static_cast<PlacedPartition*>(user_data);
  Delegate* delegate = placed->owner;
  std::lock_guard<std::mutex> lock(delegate->mutex_);
  auto& partitions = delegate->partitions_;
  partitions.erase(std::remove(partitions.begin(), partitions.end(), placed), partitions.end());
  // Who asked for a report reads it himself.
  const bool prints = delegate->options_.profile && delegate->options_.report.empty();
  if (prints) print_profile(*placed, delegate->shown_[placed->subgraph]);
  delete placed;
}

}  // namespace tfsparse
