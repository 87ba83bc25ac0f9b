#include "delegate/tflite/delegate.h"

#include <algorithm>

#include "delegate/tflite/adapter.h"

namespace tfsparse {
namespace {

TfLiteStatus prepare_partition(TfLiteContext* context, TfLiteNode* node) {
  return static_cast<PlacedPartition*>(node->user_data)->partition->prepare(context, node);
}

TfLiteStatus invoke_partition(TfLiteContext* context, TfLiteNode* node) {
  return static_cast<PlacedPartition*>(node->user_data)->partition->invoke(context, node);
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
  if (status.ok()) status = claim.settle();
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
