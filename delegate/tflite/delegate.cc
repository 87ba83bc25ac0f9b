#include "delegate/tflite/delegate.h"

#include <algorithm>
#include <set>

#include "delegate/tflite/adapter.h"

namespace tfsparse {
namespace {

// A TfLiteIntArray over a vector's memory: {size, data...}.
struct IntArray {
  explicit IntArray(const std::vector<int>& values) : storage{static_cast<int>(values.size())} {
    storage.insert(storage.end(), values.begin(), values.end());
  }
  const TfLiteIntArray* get() const {
    return reinterpret_cast<const TfLiteIntArray*>(storage.data());
  }
  std::vector<int> storage;
};

// A connected part of a model, as the runtime cuts it.
struct Part {
  std::vector<int> nodes, outputs;
};

// How the runtime would cut these nodes into parts.
Status preview(TfLiteContext* context, const std::vector<int>& ids, std::vector<Part>* result) {
  TfLiteDelegateParams* parts = nullptr;
  int count = 0;
  if (context->PreviewDelegatePartitioning(context, IntArray(ids).get(), &parts, &count) !=
      kTfLiteOk) {
    return Status::error("the runtime cannot partition this model");
  }
  for (int i = 0; i < count; ++i) {
    result->push_back({to_vector(parts[i].nodes_to_replace), to_vector(parts[i].output_tensors)});
  }
  return {};
}

// The runtime does not tell what a model's outputs are, but what would leave the whole of it.
Status find_outputs(TfLiteContext* context, Graph* graph) {
  std::vector<int> ids;
  for (const Node& node : graph->nodes) ids.push_back(node.id);
  std::vector<Part> parts;
  TFSPARSE_RETURN_IF_ERROR(preview(context, ids, &parts));
  for (const Part& part : parts) {
    graph->outputs.insert(graph->outputs.end(), part.outputs.begin(), part.outputs.end());
  }
  return {};
}

class Claim {
 public:
  Claim(TfLiteContext* context, const Graph& graph, std::vector<Verdict>* verdicts)
      : context_(context), graph_(graph), verdicts_(*verdicts) {}

  // Leaves to the runtime what would not pay or not work in the part that it would end up in, until
  // every part is sound.
  Status settle() {
    for (bool changed = true; changed;) {
      changed = false;
      std::vector<Part> parts;
      TFSPARSE_RETURN_IF_ERROR(preview(context_, taken_ids(), &parts));
      for (const Part& part : parts) {
        if (settle_part(part.nodes)) changed = true;
      }
      if (changed) leave_dependents(graph_, &verdicts_);
    }
    return {};
  }

  std::vector<int> taken_ids() const {
    std::vector<int> ids;
    for (std::size_t i = 0; i < verdicts_.size(); ++i) {
      if (verdicts_[i].taken()) ids.push_back(graph_.nodes[i].id);
    }
    return ids;
  }

 private:
  bool settle_part(const std::vector<int>& ids) {
    const std::set<int> inside(ids.begin(), ids.end());
    std::set<int> made;  // tensors
    bool any_weights = false;
    for (const Node& node : graph_.nodes) {
      if (!inside.count(node.id)) continue;
      made.insert(node.output);
      any_weights = any_weights || has_weights(node);
    }
    bool changed = false;
    for (std::size_t i = 0; i < graph_.nodes.size(); ++i) {
      const Node& node = graph_.nodes[i];
      if (!inside.count(node.id)) continue;
      if (!any_weights) {
        verdicts_[i].reason = "no convolution or dense layer nearby: not worth a layout change";
      } else if (!shapes_known(node, made)) {
        verdicts_[i].reason = "its shape is computed in another part of the model";
      } else {
        continue;
      }
      changed = true;
    }
    return changed;
  }

  // Whether the integers that the node reads are constants or computed in the same part.
  bool shapes_known(const Node& node, const std::set<int>& made) const {
    const bool arithmetic = node.op == Op::kStridedSlice || node.op == Op::kPack;
    const std::size_t first = arithmetic ? 0 : 1;
    if (!arithmetic && node.op != Op::kReshape) return true;
    return std::all_of(node.inputs.begin() + first, node.inputs.end(), [&](int input) {
      return graph_.tensors[input].is_constant() || made.count(input);
    });
  }

  TfLiteContext* context_;
  const Graph& graph_;
  std::vector<Verdict>& verdicts_;
};

TfLiteStatus prepare_partition(TfLiteContext* context, TfLiteNode* node) {
  return static_cast<Partition*>(node->user_data)->prepare(context, node);
}

TfLiteStatus invoke_partition(TfLiteContext* context, TfLiteNode* node) {
  return static_cast<Partition*>(node->user_data)->invoke(context, node);
}

}  // namespace

TfLiteStatus Delegate::prepare(TfLiteContext* context, TfLiteDelegate* handle) {
  return static_cast<Delegate*>(handle->data_)->claim(context);
}

TfLiteStatus Delegate::claim(TfLiteContext* context) {
  std::lock_guard<std::recursive_mutex> lock(mutex_);
  Graph graph;
  std::vector<Verdict> verdicts;
  Status status = read_graph(context, &graph);
  if (status.ok()) status = find_outputs(context, &graph);
  if (status.ok()) status = select_nodes(graph, &verdicts);
  Claim claim(context, graph, &verdicts);
  if (status.ok()) status = claim.settle();
  if (!status.ok()) {
    if (context->ReportError)
      context->ReportError(context, "tfsparse: %s", status.message().c_str());
    return kTfLiteError;
  }
  const std::vector<int> ids = claim.taken_ids();
  ++subgraph_;
  if (!options_.report.empty()) shown_.push_back({graph, verdicts});
  if (ids.empty()) return kTfLiteOk;

  TfLiteRegistration registration{};
  registration.init = &Delegate::init;
  registration.free = &Delegate::free;
  registration.prepare = prepare_partition;
  registration.invoke = invoke_partition;
  registration.custom_name = "TfSparseDelegate";
  registration.version = 1;
  claiming_ = &graph;
  const TfLiteStatus replaced = context->ReplaceNodeSubsetsWithDelegateKernels(
      context, registration, IntArray(ids).get(), &handle_);
  claiming_ = nullptr;
  return replaced;
}

void* Delegate::init(TfLiteContext*, const char* buffer, std::size_t) {
  const auto& params = *reinterpret_cast<const TfLiteDelegateParams*>(buffer);
  auto* delegate = static_cast<Delegate*>(params.delegate->data_);
  if (delegate->claiming_ == nullptr) return reinterpret_cast<void*>(-1);  // TFLite's "init failed"
  auto* partition =
      new Partition(delegate, delegate->subgraph_, delegate->options_,
                    extract(*delegate->claiming_, to_vector(params.nodes_to_replace),
                            to_vector(params.input_tensors), to_vector(params.output_tensors)));
  delegate->partitions_.push_back(partition);
  return partition;
}

void Delegate::free(TfLiteContext*, void* user_data) {
  if (user_data == reinterpret_cast<void*>(-1)) return;  // what a failed init returned
  auto* partition = static_cast<Partition*>(user_data);
  Delegate* delegate = partition->owner();
  std::lock_guard<std::recursive_mutex> lock(delegate->mutex_);
  auto& partitions = delegate->partitions_;
  partitions.erase(std::remove(partitions.begin(), partitions.end(), partition), partitions.end());
  delete partition;
}

}  // namespace tfsparse
