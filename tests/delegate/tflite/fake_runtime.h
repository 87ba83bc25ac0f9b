// A minimal TFLite runtime: its context lets a delegate take, plan and run nodes. Memory has the
// exact sizes and is freed as early as TFLite may free it, so that AddressSanitizer detects late or
// invalid accesses.
#pragma once

#include <algorithm>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "delegate/tflite/abi.h"
#include "delegate/tflite/operators/reader.h"

namespace tfsparse {
namespace testing {

inline TfLiteIntArray* new_ints(const std::vector<int>& values) {
  auto* array = static_cast<TfLiteIntArray*>(std::malloc(sizeof(int) * (values.size() + 1)));
  array->size = static_cast<int>(values.size());
  if (!values.empty()) std::memcpy(array->data, values.data(), sizeof(int) * values.size());
  return array;
}

inline std::vector<int> values_of(const TfLiteIntArray* array) {
  return std::vector<int>(array->data, array->data + array->size);
}

// Parameter structs of operators, as in TFLite's builtin_op_data.h.
struct ConvParams {
  int padding, stride_width, stride_height, activation;
  int dilation_width_factor, dilation_height_factor;
};
struct DepthwiseConvParams {
  int padding, stride_width, stride_height, depth_multiplier, activation;
  int dilation_width_factor, dilation_height_factor;
};
struct FullyConnectedParams {
  int activation, weights_format;
  bool keep_num_dims;
};
struct ArithmeticParams {
  int activation;
};
struct StridedSliceParams {
  int begin_mask, end_mask, ellipsis_mask, new_axis_mask, shrink_axis_mask;
  bool offset;
};
struct PackParams {
  int values_count, axis;
};

// One level of a sparse encoding; dense without segments.
struct FakeLevel {
  int dense_size;
  std::vector<int> segments, indices;
};

class FakeRuntime {
 public:
  explicit FakeRuntime(int threads = 1) {
    context_.impl_ = this;
    context_.GetExecutionPlan = get_plan;
    context_.ResizeTensor = resize_tensor;
    context_.ReportError = report_error;
    context_.GetNodeAndRegistration = get_node;
    context_.ReplaceNodeSubsetsWithDelegateKernels = replace;
    context_.PreviewDelegatePartitioning = preview;
    context_.recommended_num_threads = threads;
  }
  ~FakeRuntime() {
    for (FakeNode& node : nodes_) {
      if (node.registration.free && node.node.user_data) {
        node.registration.free(&context_, node.node.user_data);
      }
      std::free(node.node.inputs);
      std::free(node.node.outputs);
      std::free(node.params);
    }
    for (TfLiteTensor& tensor : tensors_) {
      std::free(tensor.dims);
      std::free(tensor.data);
    }
    for (TfLiteIntArray* array : ints_) std::free(array);
    for (TfLiteFloatArray* array : floats_) std::free(array);
    forget();
  }
  FakeRuntime(const FakeRuntime&) = delete;
  FakeRuntime& operator=(const FakeRuntime&) = delete;

  // Tensors are numbered in the order of these calls.
  int tensor(const std::vector<int>& shape, int type = kTfLiteFloat32) {
    TfLiteTensor tensor{};
    tensor.type = type;
    tensor.dims = new_ints(shape);
    tensor.name = "tensor";
    tensors_.push_back(tensor);
    context_.tensors = tensors_.data();
    context_.tensors_size = tensors_.size();
    return static_cast<int>(tensors_.size()) - 1;
  }
  int constant(const std::vector<int>& shape, const void* bytes, std::size_t size, int type) {
    const int index = tensor(shape, type);
    tensors_[index].allocation_type = kTfLiteMmapRo;
    tensors_[index].data = std::malloc(size);
    tensors_[index].bytes = size;
    if (size > 0) std::memcpy(tensors_[index].data, bytes, size);
    return index;
  }
  template <class T>
  int constant(const std::vector<int>& shape, const std::vector<T>& values, int type) {
    return constant(shape, values.data(), values.size() * sizeof(T), type);
  }
  int floats(const std::vector<int>& shape, const std::vector<float>& values) {
    return constant(shape, values, kTfLiteFloat32);
  }
  // `zero_points` may be of another length than `scales`: a file may be damaged.
  void quantize(int tensor, const std::vector<float>& scales, const std::vector<int>& zero_points,
                int axis = 0) {
    auto* array = static_cast<TfLiteFloatArray*>(
        std::malloc(sizeof(int) + sizeof(float) * std::max<std::size_t>(scales.size(), 1)));
    array->size = static_cast<int>(scales.size());
    std::copy(scales.begin(), scales.end(), array->data);
    floats_.push_back(array);
    quantizations_.push_back({array, keep(zero_points), axis});
    tensors_[tensor].quantization.type = kTfLiteAffineQuantization;
    tensors_[tensor].quantization.params = &quantizations_.back();
  }
  void encode(int tensor, const std::vector<int>& traversal_order,
              const std::vector<int>& block_map, const std::vector<FakeLevel>& levels) {
    metadata_.emplace_back();
    for (const FakeLevel& level : levels) {
      const bool compressed = !level.segments.empty();
      metadata_.back().push_back({compressed, level.dense_size,
                                  compressed ? keep(level.segments) : nullptr,
                                  compressed ? keep(level.indices) : nullptr});
    }
    encodings_.push_back({keep(traversal_order), keep(block_map), metadata_.back().data(),
                          static_cast<int>(levels.size())});
    tensors_[tensor].sparsity = &encodings_.back();
  }

  void node(int code, const std::vector<int>& inputs, const std::vector<int>& outputs,
            const void* params, std::size_t size) {
    nodes_.emplace_back();
    FakeNode& node = nodes_.back();
    node.registration.builtin_code = code;
    node.node.inputs = new_ints(inputs);
    node.node.outputs = new_ints(outputs);
    if (params != nullptr) {
      node.params = std::malloc(size);
      std::memcpy(node.params, params, size);
      node.node.builtin_data = node.params;
    }
    plan_.push_back(static_cast<int>(nodes_.size()) - 1);
  }
  template <class Params>
  void node(int code, const std::vector<int>& inputs, const std::vector<int>& outputs,
            const Params& params) {
    node(code, inputs, outputs, &params, sizeof params);
  }
  void node(int code, const std::vector<int>& inputs, const std::vector<int>& outputs) {
    node(code, inputs, outputs, nullptr, 0);
  }

  TfLiteStatus apply(TfLiteDelegate* delegate) { return delegate->Prepare(&context_, delegate); }

  // Prepares the delegate's nodes and allocates every tensor.
  TfLiteStatus allocate() {
    for (int id : plan_) {
      FakeNode& node = nodes_[id];
      if (!node.registration.prepare) continue;
      const TfLiteStatus status = node.registration.prepare(&context_, &node.node);
      if (status != kTfLiteOk) return status;
    }
    for (TfLiteTensor& tensor : tensors_) {
      if (tensor.allocation_type == kTfLiteMmapRo || tensor.data != nullptr) continue;
      if (give_memory(&tensor) != kTfLiteOk) return kTfLiteError;
    }
    return kTfLiteOk;
  }

  // Runs the delegate's nodes. Other nodes do nothing.
  TfLiteStatus invoke() {
    for (int id : plan_) {
      FakeNode& node = nodes_[id];
      if (!node.registration.invoke) continue;
      const TfLiteStatus status = node.registration.invoke(&context_, &node.node);
      if (status != kTfLiteOk) return status;
    }
    return kTfLiteOk;
  }

  void resize(int tensor, const std::vector<int>& shape) {
    resize_tensor(&context_, &tensors_[tensor], new_ints(shape));
  }
  TfLiteTensor& operator[](int tensor) { return tensors_[tensor]; }
  float* data(int tensor) { return static_cast<float*>(tensors_[tensor].data); }
  std::vector<int> shape(int tensor) const { return values_of(tensors_[tensor].dims); }
  // The delegate's parts and the remaining nodes.
  int parts() const {
    return static_cast<int>(std::count_if(plan_.begin(), plan_.end(),
                                          [&](int id) { return nodes_[id].registration.invoke; }));
  }
  int left() const { return static_cast<int>(plan_.size()) - parts(); }
  // Whether the runtime itself runs a node of the model.
  bool is_left(int node) const { return std::count(plan_.begin(), plan_.end(), node) > 0; }
  TfLiteContext& context() { return context_; }
  const std::string& error() const { return error_; }

  std::vector<int> outputs;  // of the model; set before the delegate is applied

 private:
  static constexpr std::size_t kMostBytes = std::size_t{1} << 28;  // per tensor

  struct FakeNode {
    TfLiteNode node{};
    TfLiteRegistration registration{};
    void* params = nullptr;
  };
  struct Part {
    bool taken;
    std::vector<int> nodes;
    std::set<int> reads, makes;
  };

  static FakeRuntime& of(TfLiteContext* context) {
    return *static_cast<FakeRuntime*>(context->impl_);
  }
  TfLiteIntArray* keep(const std::vector<int>& values) {
    ints_.push_back(new_ints(values));
    return ints_.back();
  }
  // Invalidates what the context's functions returned before.
  void forget() {
    for (TfLiteIntArray* array : lent_) std::free(array);
    lent_.clear();
    params_.clear();
  }
  TfLiteIntArray* lend(const std::vector<int>& values) {
    lent_.push_back(new_ints(values));
    return lent_.back();
  }

  static std::size_t size_of(int type) {
    switch (type) {
      case kTfLiteInt8:
      case kTfLiteUInt8:
        return 1;
      case kTfLiteFloat16:
      case kTfLiteInt16:
        return 2;
      case kTfLiteInt64:
        return 8;
      default:
        return 4;
    }
  }

  static TfLiteStatus give_memory(TfLiteTensor* tensor) {
    std::free(tensor->data);
    tensor->data = nullptr;
    std::size_t bytes = size_of(tensor->type);
    for (int size : values_of(tensor->dims)) {
      if (size < 0 || (bytes *= size) > kMostBytes) return kTfLiteError;
    }
    tensor->data = std::malloc(bytes);
    tensor->bytes = bytes;
    std::memset(tensor->data, 0, bytes);
    return kTfLiteOk;
  }

  static TfLiteStatus get_plan(TfLiteContext* context, TfLiteIntArray** plan) {
    of(context).forget();
    *plan = of(context).lend(of(context).plan_);
    return kTfLiteOk;
  }

  static TfLiteStatus get_node(TfLiteContext* context, int id, TfLiteNode** node,
                               TfLiteRegistration** registration) {
    FakeRuntime& runtime = of(context);
    runtime.forget();
    if (id < 0 || static_cast<std::size_t>(id) >= runtime.nodes_.size()) return kTfLiteError;
    *node = &runtime.nodes_[id].node;
    *registration = &runtime.nodes_[id].registration;
    return kTfLiteOk;
  }

  static TfLiteStatus resize_tensor(TfLiteContext* context, TfLiteTensor* tensor,
                                    TfLiteIntArray* dims) {
    of(context).forget();
    std::free(tensor->dims);
    tensor->dims = dims;
    return give_memory(tensor);
  }

  static void report_error(TfLiteContext* context, const char* format, ...) {
    char text[512];
    va_list arguments;
    va_start(arguments, format);
    std::vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    of(context).error_ = text;
  }

  static TfLiteStatus preview(TfLiteContext* context, const TfLiteIntArray* wanted,
                              TfLiteDelegateParams** params, int* count) {
    FakeRuntime& runtime = of(context);
    const std::vector<int> ids = values_of(wanted);
    runtime.forget();
    for (const Part& part : runtime.cut({ids.begin(), ids.end()})) {
      if (!part.taken) continue;
      runtime.params_.push_back({nullptr, runtime.lend(part.nodes),
                                 runtime.lend({part.reads.begin(), part.reads.end()}),
                                 runtime.lend({part.makes.begin(), part.makes.end()})});
    }
    *params = runtime.params_.data();
    *count = static_cast<int>(runtime.params_.size());
    return kTfLiteOk;
  }

  static TfLiteStatus replace(TfLiteContext* context, TfLiteRegistration registration,
                              const TfLiteIntArray* wanted, TfLiteDelegate* delegate) {
    FakeRuntime& runtime = of(context);
    const std::vector<int> ids = values_of(wanted);
    runtime.forget();
    std::vector<int> plan;
    for (const Part& part : runtime.cut({ids.begin(), ids.end()})) {
      if (!part.taken) {
        plan.insert(plan.end(), part.nodes.begin(), part.nodes.end());
        continue;
      }
      const std::vector<int> reads(part.reads.begin(), part.reads.end());
      const std::vector<int> makes(part.makes.begin(), part.makes.end());
      runtime.node(registration.builtin_code, reads, makes);
      plan.push_back(static_cast<int>(runtime.nodes_.size()) - 1);
      FakeNode& node = runtime.nodes_.back();
      node.registration = registration;
      const TfLiteDelegateParams params{delegate, runtime.keep(part.nodes), runtime.keep(reads),
                                        runtime.keep(makes)};
      node.node.user_data = registration.init(context, reinterpret_cast<const char*>(&params), 0);
    }
    runtime.plan_ = plan;
    return kTfLiteOk;
  }

  // Splits the plan into parts of nodes that are all wanted or all not, in execution order and as
  // large as possible, as TFLite does.
  std::vector<Part> cut(const std::set<int>& wanted) const {
    std::set<int> pending;  // tensors still to be written
    for (int id : plan_) {
      for (int output : values_of(nodes_[id].node.outputs)) pending.insert(output);
    }
    std::vector<int> rest = plan_;
    std::vector<Part> parts;
    const auto ready = [&](int id) {
      const std::vector<int> inputs = values_of(nodes_[id].node.inputs);
      return std::none_of(inputs.begin(), inputs.end(), [&](int i) { return pending.count(i); });
    };
    while (!rest.empty()) {
      auto first = std::find_if(rest.begin(), rest.end(), ready);
      if (first == rest.end()) break;  // a cycle; TFLite would not load it
      Part part;
      part.taken = wanted.count(*first) > 0;
      for (bool grown = true; grown;) {
        grown = false;
        std::vector<int> later;
        for (int id : rest) {
          if ((wanted.count(id) > 0) != part.taken || !ready(id)) {
            later.push_back(id);
            continue;
          }
          part.nodes.push_back(id);
          for (int output : values_of(nodes_[id].node.outputs)) pending.erase(output);
          grown = true;
        }
        rest = std::move(later);
      }
      find_borders(&part);
      parts.push_back(std::move(part));
    }
    return parts;
  }

  // Sets the inputs and outputs of a part.
  void find_borders(Part* part) const {
    std::set<int> inside(part->nodes.begin(), part->nodes.end()), made;
    for (int id : part->nodes) {
      for (int output : values_of(nodes_[id].node.outputs)) made.insert(output);
    }
    std::set<int> needed(outputs.begin(), outputs.end());
    for (int id : plan_) {
      for (int input : values_of(nodes_[id].node.inputs)) {
        if (!inside.count(id)) needed.insert(input);
        if (inside.count(id) && input >= 0 && !made.count(input)) part->reads.insert(input);
      }
    }
    for (int tensor : made) {
      if (needed.count(tensor)) part->makes.insert(tensor);
    }
  }

  TfLiteContext context_{};
  std::vector<TfLiteTensor> tensors_;
  std::deque<FakeNode> nodes_;
  std::vector<int> plan_;  // node ids
  std::deque<TfLiteSparsity> encodings_;
  std::deque<TfLiteAffineQuantization> quantizations_;
  std::vector<TfLiteFloatArray*> floats_;
  std::deque<std::vector<TfLiteDimensionMetadata>> metadata_;
  std::vector<TfLiteIntArray*> ints_, lent_;
  std::vector<TfLiteDelegateParams> params_;
  std::string error_;
};

}  // namespace testing
}  // namespace tfsparse
