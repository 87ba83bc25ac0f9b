#include "delegate/tflite/partition.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "delegate/core/assignment/assignment.h"
#include "delegate/core/assignment/trial.h"
#include "delegate/core/operators/weighted/fully_connected.h"
#include "delegate/tflite/adapter.h"
#include "delegate/tflite/units.h"

namespace tfsparse {
namespace {

TfLiteStatus fail(TfLiteContext* context, const Status& status) {
  context->ReportError(context, "tfsparse: %s", status.message().c_str());
  return kTfLiteError;
}

// The runtime frees it with free().
TfLiteIntArray* new_int_array(const Shape& shape) {
  const std::size_t bytes = sizeof(int) * (shape.size() + 1);
  auto* array = static_cast<TfLiteIntArray*>(std::malloc(bytes));
  if (array == nullptr) return nullptr;
  array->size = static_cast<int>(shape.size());
  if (!shape.empty()) std::memcpy(array->data, shape.data(), sizeof(int) * shape.size());
  return array;
}

}  // namespace

int threads_wanted(const Options& options, const TfLiteContext& context) {
  return options.num_threads > 0 ? options.num_threads
                                 : std::max(1, context.recommended_num_threads);
}

TfLiteStatus Partition::prepare(TfLiteContext* context, TfLiteNode*) {
  bool sizes_known = true;
  for (int input : graph_.inputs) {
    sizes_known = sizes_known && tensor(*context, input).allocation_type != kTfLiteDynamic;
  }
  if (!sizes_known) {
    // If an earlier operator decides its size at run time, the outputs are dynamic too.
    for (int output : graph_.outputs) {
      TfLiteTensor& unsized = tensor(*context, output);
      if (unsized.allocation_type == kTfLiteDynamic) continue;
      unsized.allocation_type = kTfLiteDynamic;
      unsized.data = nullptr;
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
  const Status enough = check_memory(*context);
  if (!enough.ok()) return fail(context, enough);

  std::vector<const void*> inputs;
  std::vector<void*> outputs;
  for (int input : graph_.inputs) inputs.push_back(tensor(*context, input).data);
  for (int output : graph_.outputs) outputs.push_back(tensor(*context, output).data);
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
    shapes.push_back(graph_.tensors[input].shape);
    guess = guess || graph_.tensors[input].size_is_open;
  }
  const Status status = make_plan(std::move(shapes), threads_wanted(options_, context));
  return guess ? Status() : status;
}

bool Partition::sizes_are_known() const {
  return std::all_of(graph_.inputs.begin(), graph_.inputs.end(),
                     [&](int input) { return graph_.tensors[input].size_is_known; });
}

Status Partition::compare_with_default(double share) const {
  if (plan_ == nullptr) return {};
  TFSPARSE_RETURN_IF_ERROR(compare_with_default(plan_.get(), share));
  if (!options_.input_shapes.empty() || !has_open_rows()) return {};
  for (int rows : {4, 64}) {
    std::vector<Shape> shapes = input_shapes_;
    for (Shape& shape : shapes) {
      if (!shape.empty()) shape[0] = rows;
    }
    std::unique_ptr<Plan> plan;
    // If only the plan for one row works, the runtime reports the error when it resizes.
    if (!build_plan(shapes, &plan).ok()) continue;
    const Status advice = compare_with_default(plan.get(), share);
    if (!advice.ok())
      return Status::error(advice.message() + " for a batch of " + std::to_string(rows));
  }
  return {};
}

Status Partition::compare_with_default(Plan* plan, double share) const {
  Trial trial(plan, pool_.get());
  SpeedProbe probe;
  const auto default_seconds = [&] {
    probe.run();
    return predict_default_seconds(plan->default_work(), probe.fastest(), pool_->size());
  };
  const Comparison comparison =
      compare([&] { return trial.run(); }, default_seconds, share, trial.fewest_runs());
  if (comparison.faster) return {};
  return Status::error("TFLite's default is about as fast or faster (" +
                       format_seconds(comparison.default_seconds) + "; tfsparse " +
                       format_seconds(comparison.seconds) + ")");
}

// Whether the caller may request more rows and dense layers are a large part of the work.
bool Partition::has_open_rows() const {
  const bool open = std::all_of(graph_.inputs.begin(), graph_.inputs.end(), [&](int input) {
    const Tensor& tensor = graph_.tensors[input];
    return tensor.size_is_open && !tensor.shape.empty() && tensor.shape[0] == 1;
  });
  if (!open) return false;
  constexpr double kLargePart = 0.2;
  double dense = 0, all = 0;
  for (const Node& node : graph_.nodes) {
    const double macs = product_macs(graph_, node);
    all += macs;
    if (as<FullyConnected>(node) != nullptr) dense += macs;
  }
  return dense > kLargePart * all;
}

double Partition::macs() const {
  double sum = 0;
  if (plan_ == nullptr) return sum;
  for (const auto& step : plan_->steps()) {
    for (const StepPart& part : step->parts) sum += part.macs;
  }
  return sum;
}

Status Partition::make_ready(const TfLiteContext& context) {
  std::vector<Shape> shapes;
  for (int input : graph_.inputs) shapes.push_back(to_vector(tensor(context, input).dims));
  return make_plan(std::move(shapes), threads_wanted(options_, context));
}

Status Partition::make_plan(std::vector<Shape> input_shapes, int threads) {
  const bool has_pool = pool_ && pool_->requested() == threads && pool_->is_usable();
  const int planned_threads = plan_ ? pool_->size() : 0;
  if (!has_pool) pool_ = std::make_unique<ThreadPool>(threads);
  if (planned_threads == pool_->size() && input_shapes == input_shapes_) return {};

  plan_.reset();
  TFSPARSE_RETURN_IF_ERROR(build_plan(input_shapes, &plan_));
  input_shapes_ = std::move(input_shapes);
  return {};
}

Status Partition::build_plan(const std::vector<Shape>& input_shapes,
                             std::unique_ptr<Plan>* plan) const {
  Graph graph = graph_;
  for (std::size_t i = 0; i < input_shapes.size(); ++i) {
    graph.tensors[graph.inputs[i]].shape = input_shapes[i];
  }
  return Plan::build(std::move(graph), *options_.kernels, pool_->size(), plan);
}

Status Partition::check_memory(const TfLiteContext& context) const {
  const auto check = [&](int index, const Shape& shape) -> Status {
    const DType type = graph_.tensors[index].type;
    const bool is_int8 = type == DType::kInt8, is_read = is_int8 || type == DType::kFloat32;
    const std::uint64_t needed =
        (is_int8 ? 1 : sizeof(float)) * static_cast<std::uint64_t>(element_count(shape));
    const TfLiteTensor& held = tensor(context, index);
    if (!is_read || needed == 0 || (held.data != nullptr && held.bytes >= needed)) return {};
    return Status::error("expected " + std::to_string(needed) + " bytes of memory for tensor '" +
                         graph_.tensors[index].name + "' of shape " + to_string(shape) +
                         ", received " + std::to_string(held.data != nullptr ? held.bytes : 0));
  };
  for (std::size_t i = 0; i < graph_.inputs.size(); ++i) {
    TFSPARSE_RETURN_IF_ERROR(check(graph_.inputs[i], input_shapes_[i]));
  }
  for (std::size_t i = 0; i < graph_.outputs.size(); ++i) {
    TFSPARSE_RETURN_IF_ERROR(check(graph_.outputs[i], plan_->output_shapes()[i]));
  }
  return {};
}

TfLiteStatus Partition::size_outputs(TfLiteContext* context) const {
  for (std::size_t i = 0; i < graph_.outputs.size(); ++i) {
    TfLiteTensor& sized = tensor(*context, graph_.outputs[i]);
    const Shape& shape = plan_->output_shapes()[i];
    // A dynamic tensor has no memory before its first resize.
    const bool lacks_memory = sized.allocation_type == kTfLiteDynamic && sized.data == nullptr;
    if (to_vector(sized.dims) == shape && !lacks_memory) continue;
    TfLiteIntArray* dims = new_int_array(shape);
    if (dims == nullptr) return fail(context, Status::error("no memory"));
    const TfLiteStatus status = context->ResizeTensor(context, &sized, dims);
    if (status != kTfLiteOk) return status;
  }
  return kTfLiteOk;
}

}  // namespace tfsparse
