#include "delegate/tflite/partition.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "delegate/core/rehearsal.h"
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

// Gives a tensor whose height and width are open a size to plan for: as many numbers as a picture
// of 224 x 224 has. Other open sizes stay 1, as the runtime sets them.
void close_sizes(const Shape& signature, Shape* shape) {
  if (signature.size() != 4 || shape->size() != 4 || signature[1] != -1 || signature[2] != -1) {
    return;
  }
  constexpr double kNumbers = 224 * 224 * 3;
  const int side = static_cast<int>(std::sqrt(kNumbers / std::max(1, (*shape)[3])));
  (*shape)[1] = (*shape)[2] = std::max(1, side);
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
  if (options_.profile) {
    plan_->run_profiled(pool_.get(), inputs, outputs);
  } else {
    plan_->run(pool_.get(), inputs, outputs);
  }
  return kTfLiteOk;
}

Status Partition::plan_ahead(const TfLiteContext& context) {
  std::vector<Shape> shapes;
  bool guess = false;
  for (int input : graph_.inputs) {
    shapes.push_back(to_vector(context.tensors[input].dims));
    guess = guess || graph_.tensors[input].size_is_open;
    close_sizes(to_vector(context.tensors[input].dims_signature), &shapes.back());
  }
  const Status status = make_plan(std::move(shapes), threads_wanted(context));
  return guess ? Status() : status;
}

Status Partition::compare_with_default() {
  if (plan_ == nullptr) return {};
  Rehearsal rehearsal(plan_.get(), pool_.get());
  const Comparison comparison =
      tfsparse::compare_with_default([&] { return rehearsal.run(); }, plan_->default_seconds());
  if (comparison.worth_it) return {};
  char text[120];
  std::snprintf(text, sizeof(text),
                "TFLite's default is about as fast or faster (%.3g ms; tfsparse %.3g ms)",
                1e3 * plan_->default_seconds(), 1e3 * comparison.seconds);
  return Status::error(text);
}

int Partition::threads_wanted(const TfLiteContext& context) const {
  return options_.num_threads > 0 ? options_.num_threads
                                  : std::max(1, context.recommended_num_threads);
}

Status Partition::make_ready(const TfLiteContext& context) {
  std::vector<Shape> shapes;
  for (int input : graph_.inputs) shapes.push_back(to_vector(context.tensors[input].dims));
  return make_plan(std::move(shapes), threads_wanted(context));
}

Status Partition::make_plan(std::vector<Shape> input_shapes, int threads) {
  const bool same_threads = pool_ != nullptr && pool_->requested() == threads;
  if (plan_ != nullptr && same_threads && input_shapes == input_shapes_) return {};

  plan_.reset();
  if (!same_threads) pool_ = std::make_unique<ThreadPool>(threads);
  Graph graph = graph_;
  for (std::size_t i = 0; i < input_shapes.size(); ++i) {
    graph.tensors[graph.inputs[i]].shape = input_shapes[i];
  }
  TFSPARSE_RETURN_IF_ERROR(Plan::build(std::move(graph), *options_.kernels, pool_->size(), &plan_));
  input_shapes_ = std::move(input_shapes);
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
