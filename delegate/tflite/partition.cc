#include "delegate/tflite/partition.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "delegate/tflite/adapter.h"

namespace tfsparse {
namespace {

TfLiteStatus fail(TfLiteContext* context, const Status& status) {
  context->ReportError(context, "tfsparse: %s", status.message().c_str());
  return kTfLiteError;
}

// The runtime frees it, with free().
TfLiteIntArray* new_int_array(const Shape& shape) {
  const std::size_t bytes = sizeof(int) * (shape.size() + 1);
  auto* array = static_cast<TfLiteIntArray*>(std::malloc(bytes));
  if (array == nullptr) return nullptr;
  array->size = static_cast<int>(shape.size());
  if (!shape.empty()) std::memcpy(array->data, shape.data(), sizeof(int) * shape.size());
  return array;
}

}  // namespace

TfLiteStatus Partition::prepare(TfLiteContext* context, TfLiteNode*) {
  bool sizes_known = true;
  for (int input : graph_.inputs) {
    sizes_known = sizes_known && context->tensors[input].allocation_type != kTfLiteDynamic;
  }
  if (!sizes_known) {
    // An operator before us decides its size only when it runs; so do we then.
    for (int output : graph_.outputs) {
      TfLiteTensor& tensor = context->tensors[output];
      if (tensor.allocation_type == kTfLiteDynamic) continue;
      tensor.allocation_type = kTfLiteDynamic;
      tensor.data = nullptr;
    }
    return kTfLiteOk;
  }
  const Status status = make_ready(*context);
  return status.ok() ? size_outputs(context) : fail(context, status);
}

TfLiteStatus Partition::invoke(TfLiteContext* context, TfLiteNode*) {
  const Status status = make_ready(*context);
  if (!status.ok()) return fail(context, status);
  const TfLiteStatus sized = size_outputs(context);
  if (sized != kTfLiteOk) return sized;

  std::vector<const float*> inputs;
  std::vector<float*> outputs;
  for (int input : graph_.inputs) {
    inputs.push_back(static_cast<const float*>(context->tensors[input].data));
  }
  for (int output : graph_.outputs) {
    outputs.push_back(static_cast<float*>(context->tensors[output].data));
  }
  plan_->run(pool_.get(), inputs, outputs);
  return kTfLiteOk;
}

Status Partition::plan_ahead(const TfLiteContext& context) {
  const bool guess = std::any_of(graph_.inputs.begin(), graph_.inputs.end(),
                                 [&](int input) { return graph_.tensors[input].size_is_open; });
  const Status status = make_ready(context);
  return guess ? Status() : status;
}

Status Partition::make_ready(const TfLiteContext& context) {
  std::vector<Shape> shapes;
  for (int input : graph_.inputs) shapes.push_back(to_vector(context.tensors[input].dims));
  const int threads = options_.num_threads > 0 ? options_.num_threads
                                               : std::max(1, context.recommended_num_threads);
  const bool same_threads = pool_ != nullptr && pool_->requested() == threads;
  if (plan_ != nullptr && same_threads && shapes == input_shapes_) return {};

  plan_.reset();
  if (!same_threads) pool_ = std::make_unique<ThreadPool>(threads);
  Graph graph = graph_;
  for (std::size_t i = 0; i < shapes.size(); ++i) {
    graph.tensors[graph.inputs[i]].shape = shapes[i];
  }
  TFSPARSE_RETURN_IF_ERROR(Plan::build(std::move(graph), *options_.kernels, pool_->size(), &plan_));
  plan_->set_profiling(options_.profile);
  input_shapes_ = std::move(shapes);
  return {};
}

TfLiteStatus Partition::size_outputs(TfLiteContext* context) const {
  for (std::size_t i = 0; i < graph_.outputs.size(); ++i) {
    TfLiteTensor* tensor = &context->tensors[graph_.outputs[i]];
    const Shape& shape = plan_->output_shapes()[i];
    // A dynamic tensor has memory only once it has been resized.
    const bool lacks_memory = tensor->allocation_type == kTfLiteDynamic && tensor->data == nullptr;
    if (to_vector(tensor->dims) == shape && !lacks_memory) continue;
    TfLiteIntArray* dims = new_int_array(shape);
    if (dims == nullptr) return fail(context, Status::error("no memory"));
    const TfLiteStatus status = context->ResizeTensor(context, tensor, dims);
    if (status != kTfLiteOk) return status;
  }
  return kTfLiteOk;
}

}  // namespace tfsparse
