#include "delegate/tflite/adapter.h"

#include <algorithm>

namespace tfsparse {
namespace {

DType to_dtype(int type) {
  switch (type) {
    case kTfLiteFloat32:
      return DType::kFloat32;
    case kTfLiteFloat16:
      return DType::kFloat16;
    case kTfLiteInt32:
      return DType::kInt32;
    case kTfLiteInt64:
      return DType::kInt64;
    default:
      return DType::kOther;
  }
}

std::shared_ptr<const SparseEncoding> to_encoding(const TfLiteSparsity& sparsity) {
  auto encoding = std::make_shared<SparseEncoding>();
  encoding->traversal_order = to_vector(sparsity.traversal_order);
  encoding->block_map = to_vector(sparsity.block_map);
  for (int i = 0; i < sparsity.dim_metadata_size; ++i) {
    const TfLiteDimensionMetadata& level = sparsity.dim_metadata[i];
    encoding->levels.push_back({level.format == 1, level.dense_size,
                                to_vector(level.array_segments), to_vector(level.array_indices)});
  }
  return encoding;
}

Tensor to_tensor(const TfLiteTensor& from) {
  Tensor tensor;
  tensor.name = from.name ? from.name : "";
  tensor.type = to_dtype(from.type);
  tensor.shape = to_vector(from.dims);
  if (from.allocation_type == kTfLiteMmapRo && from.data != nullptr) {
    tensor.data = from.data;
    tensor.bytes = from.bytes;
    if (from.sparsity != nullptr) tensor.sparsity = to_encoding(*from.sparsity);
  }
  return tensor;
}

// The fused activations of TFLite; false where the core has none such.
bool set_activation(int activation, Epilogue* epilogue) {
  switch (activation) {
    case kTfLiteActNone:
      return true;
    case kTfLiteActRelu:
      epilogue->lo = 0;
      return true;
    case kTfLiteActReluN1To1:
      epilogue->lo = -1;
      epilogue->hi = 1;
      return true;
    case kTfLiteActRelu6:
      epilogue->lo = 0;
      epilogue->hi = 6;
      return true;
    case kTfLiteActSigmoid:
      epilogue->activation = Activation::kSigmoid;
      return true;
    default:
      return false;
  }
}

// Fills in what an operator code and its parameters say. `node.op` stays kUnsupported where the
// core cannot do it, with `node.problem` set where there is more to say than that.
class NodeReader {
 public:
  NodeReader(int code, const void* params, Node* node)
      : code_(code), params_(params), node_(*node) {}

  void read() {
    switch (code_) {
      case kTfLiteBuiltinConv2d:
        return convolution<TfLiteConvParams>("CONV_2D", Op::kConv2D);
      case kTfLiteBuiltinDepthwiseConv2d:
        return convolution<TfLiteDepthwiseConvParams>("DEPTHWISE_CONV_2D", Op::kDepthwiseConv2D);
      case kTfLiteBuiltinFullyConnected:
        return fully_connected();
      case kTfLiteBuiltinAdd:
        return binary("ADD", Binary::kAdd);
      case kTfLiteBuiltinSub:
        return binary("SUB", Binary::kSub);
      case kTfLiteBuiltinMul:
        return binary("MUL", Binary::kMul);
      case kTfLiteBuiltinDiv:
        return binary("DIV", Binary::kDiv);
      case kTfLiteBuiltinRelu:
        return unary("RELU", Unary::kIdentity, kTfLiteActRelu);
      case kTfLiteBuiltinReluN1To1:
        return unary("RELU_N1_TO_1", Unary::kIdentity, kTfLiteActReluN1To1);
      case kTfLiteBuiltinRelu6:
        return unary("RELU6", Unary::kIdentity, kTfLiteActRelu6);
      case kTfLiteBuiltinLogistic:
        return unary("LOGISTIC", Unary::kSigmoid, kTfLiteActNone);
      case kTfLiteBuiltinHardSwish:
        return unary("HARD_SWISH", Unary::kHardSwish, kTfLiteActNone);
      case kTfLiteBuiltinDensify:
        return plain("DENSIFY", Op::kDensify, 1);
      case kTfLiteBuiltinDequantize:
        return plain("DEQUANTIZE", Op::kDequantize, 1);
      case kTfLiteBuiltinShape:
        return plain("SHAPE", Op::kShape, 1);
      case kTfLiteBuiltinPad:
        return plain("PAD", Op::kPad, 2);
      case kTfLiteBuiltinMean:
        if (plain("MEAN", Op::kMean, 2); has<TfLiteReducerParams>()) {
          node_.keep_dims = get<TfLiteReducerParams>().keep_dims;
        }
        return;
      case kTfLiteBuiltinSoftmax:
        if (plain("SOFTMAX", Op::kSoftmax, 1); has<TfLiteSoftmaxParams>()) {
          node_.beta = get<TfLiteSoftmaxParams>().beta;
        }
        return;
      case kTfLiteBuiltinReshape:
        return reshape();
      case kTfLiteBuiltinStridedSlice:
        return strided_slice();
      case kTfLiteBuiltinPack:
        if (plain("PACK", Op::kPack, 1); has<TfLitePackParams>()) {
          if (get<TfLitePackParams>().axis != 0) refuse("packs along another axis");
        }
        return;
      default:
        return;
    }
  }

 private:
  template <typename Params>
  bool has() {
    if (node_.op == Op::kUnsupported) return false;
    if (params_ == nullptr) refuse("has no parameters");
    return params_ != nullptr;
  }
  template <typename Params>
  const Params& get() const {
    return *static_cast<const Params*>(params_);
  }

  void refuse(const char* problem) {
    node_.op = Op::kUnsupported;
    node_.problem = problem;
  }

  // An operator that needs its first `required` inputs.
  void plain(const char* type, Op op, std::size_t required) {
    node_.type = type;
    node_.op = op;
    // Only a bias, the third input of a layer with weights, may be left out.
    const bool may_lack_bias = required == 2 && node_.inputs.size() == 3;
    const std::size_t present = may_lack_bias ? required : node_.inputs.size();
    if (node_.inputs.size() < required ||
        std::any_of(node_.inputs.begin(), node_.inputs.begin() + present,
                    [](int input) { return input < 0; })) {
      refuse("lacks an input");
    }
  }

  void activation(int code) {
    if (!set_activation(code, &node_.epilogue)) refuse("fused activation is not supported");
  }

  template <typename Params>
  void convolution(const char* type, Op op) {
    plain(type, op, 2);
    if (!has<Params>()) return;
    const Params& params = get<Params>();
    node_.stride_h = params.stride_height;
    node_.stride_w = params.stride_width;
    node_.dilation_h = params.dilation_height_factor;
    node_.dilation_w = params.dilation_width_factor;
    node_.padding = params.padding == kTfLitePaddingSame ? Padding::kSame : Padding::kValid;
    activation(params.activation);
    const int largest =
        std::max({node_.stride_h, node_.stride_w, node_.dilation_h, node_.dilation_w});
    if (params.padding != kTfLitePaddingSame && params.padding != kTfLitePaddingValid) {
      refuse("padding is unknown");
    } else if (largest > 1 << 10) {
      refuse("stride or dilation is absurdly large");
    }
  }

  void fully_connected() {
    plain("FULLY_CONNECTED", Op::kFullyConnected, 2);
    if (!has<TfLiteFullyConnectedParams>()) return;
    const auto& params = get<TfLiteFullyConnectedParams>();
    node_.keep_dims = params.keep_num_dims;
    activation(params.activation);
    if (params.weights_format != 0) refuse("weights are shuffled");
  }

  void binary(const char* type, Binary binary) {
    plain(type, Op::kBinary, 2);
    node_.binary = binary;
    if (has<TfLiteArithmeticParams>()) activation(get<TfLiteArithmeticParams>().activation);
  }

  void unary(const char* type, Unary unary, int fused) {
    plain(type, Op::kUnary, 1);
    node_.unary = unary;
    activation(fused);
  }

  void reshape() {
    const bool has_shape_input = node_.inputs.size() == 2 && node_.inputs[1] >= 0;
    if (!has_shape_input && !node_.inputs.empty()) node_.inputs.resize(1);
    plain("RESHAPE", Op::kReshape, 1);
    if (has_shape_input || !has<TfLiteReshapeParams>()) return;
    const auto& params = get<TfLiteReshapeParams>();
    if (params.num_dimensions < 0 || params.num_dimensions > 8) return refuse("has no shape");
    node_.new_shape.assign(params.shape, params.shape + params.num_dimensions);
    if (node_.new_shape == Shape{0}) node_.new_shape.clear();  // how old files write a scalar
  }

  void strided_slice() {
    plain("STRIDED_SLICE", Op::kStridedSlice, 4);
    if (!has<TfLiteStridedSliceParams>()) return;
    const auto& params = get<TfLiteStridedSliceParams>();
    node_.begin_mask = params.begin_mask;
    node_.end_mask = params.end_mask;
    node_.shrink_axis_mask = params.shrink_axis_mask;
    node_.other_masks = params.ellipsis_mask | params.new_axis_mask | params.offset;
  }

  int code_;
  const void* params_;
  Node& node_;
};

// A later or foreign runtime may have moved fields. Better to refuse than to follow wild pointers.
Status check_runtime(const TfLiteContext& context) {
  if (context.GetExecutionPlan == nullptr || context.GetNodeAndRegistration == nullptr ||
      context.ReplaceNodeSubsetsWithDelegateKernels == nullptr || context.ResizeTensor == nullptr ||
      context.ReportError == nullptr || context.PreviewDelegatePartitioning == nullptr ||
      context.tensors == nullptr || context.tensors_size > std::size_t{1} << 24) {
    return Status::error("this runtime's TfLiteContext is not laid out as TFLite 2.x has it");
  }
  return {};
}

bool in_range(const std::vector<int>& tensors, std::size_t count, int lowest) {
  return std::all_of(tensors.begin(), tensors.end(), [&](int index) {
    return index >= lowest && (index < 0 || static_cast<std::size_t>(index) < count);
  });
}

// Leaves the nodes whose tensors do not follow from each other: read before they are made, or made
// twice. No converter writes such a file, and TFLite does not look.
class OrderCheck {
 public:
  explicit OrderCheck(std::size_t tensors) : maker_(tensors, -1) {}

  void note(int position, const std::vector<int>& outputs) {
    for (int output : outputs) {
      if (maker_[output] >= 0) twice_.push_back(output);
      maker_[output] = position;
    }
  }

  bool is_sound(int position, const Node& node) const {
    const auto made_twice = [&](int tensor) {
      return std::find(twice_.begin(), twice_.end(), tensor) != twice_.end();
    };
    return !made_twice(node.output) &&
           std::all_of(node.inputs.begin(), node.inputs.end(), [&](int input) {
             return input < 0 || (maker_[input] < position && !made_twice(input));
           });
  }

 private:
  std::vector<int> maker_;  // position of the node that makes a tensor, or -1
  std::vector<int> twice_;
};

}  // namespace

std::vector<int> to_vector(const TfLiteIntArray* array) {
  if (array == nullptr || array->size <= 0) return {};
  return std::vector<int>(array->data, array->data + array->size);
}

Status read_graph(TfLiteContext* context, Graph* graph) {
  TFSPARSE_RETURN_IF_ERROR(check_runtime(*context));
  for (std::size_t i = 0; i < context->tensors_size; ++i) {
    graph->tensors.push_back(to_tensor(context->tensors[i]));
  }
  TfLiteIntArray* plan = nullptr;
  if (context->GetExecutionPlan(context, &plan) != kTfLiteOk || plan == nullptr) {
    return Status::error("the runtime has no execution plan");
  }
  OrderCheck order(graph->tensors.size());
  for (int id : to_vector(plan)) {
    TfLiteNode* from = nullptr;
    TfLiteRegistration* registration = nullptr;
    if (context->GetNodeAndRegistration(context, id, &from, &registration) != kTfLiteOk) {
      return Status::error("the runtime has no node " + std::to_string(id));
    }
    Node node;
    node.id = id;
    node.inputs = to_vector(from->inputs);
    const std::vector<int> outputs = to_vector(from->outputs);
    if (!in_range(node.inputs, graph->tensors.size(), -1) ||
        !in_range(outputs, graph->tensors.size(), 0)) {
      return Status::error("node " + std::to_string(id) + " names a tensor that does not exist");
    }
    for (int output : outputs) {
      if (!graph->tensors[output].is_constant()) continue;
      // TFLite itself would crash when it runs such a node.
      return Status::error("node " + std::to_string(id) + " writes tensor '" +
                           graph->tensors[output].name + "', which is a constant");
    }
    if (outputs.size() == 1) {
      node.output = outputs[0];
      NodeReader(registration->builtin_code, from->builtin_data, &node).read();
    }
    order.note(static_cast<int>(graph->nodes.size()), outputs);
    node.code = registration->builtin_code;
    if (node.op == Op::kUnsupported && node.problem.empty()) {
      node.problem = "operator is not supported";
    }
    if (registration->custom_name != nullptr) node.type = registration->custom_name;
    graph->nodes.push_back(node);
  }
  for (std::size_t i = 0; i < graph->nodes.size(); ++i) {
    Node& node = graph->nodes[i];
    if (node.op == Op::kUnsupported || order.is_sound(static_cast<int>(i), node)) continue;
    node.op = Op::kUnsupported;
    node.problem = "its tensors are made out of order";
  }
  return {};
}

Graph extract(const Graph& graph, const std::vector<int>& ids, const std::vector<int>& inputs,
              const std::vector<int>& outputs) {
  Graph part;
  part.tensors = graph.tensors;
  std::vector<bool> used(graph.tensors.size(), false), made(graph.tensors.size(), false);
  for (const Node& node : graph.nodes) {
    if (std::find(ids.begin(), ids.end(), node.id) == ids.end()) continue;
    if (node.op == Op::kDensify || node.op == Op::kDequantize) continue;
    Node copy = node;
    for (int& input : copy.inputs) {
      const int stored = stored_constant(graph, input);
      if (stored >= 0) input = stored;
      if (input >= 0) used[input] = true;
    }
    made[copy.output] = true;
    part.nodes.push_back(std::move(copy));
  }
  // The runtime puts a DENSIFY in the first part that can have it, however far off its readers are.
  for (int output : outputs) {
    if (made[output]) part.outputs.push_back(output);
  }
  for (int input : inputs) {
    if (input >= 0 && used[input] && !graph.tensors[input].is_constant()) {
      part.inputs.push_back(input);
    }
  }
  return part;
}

}  // namespace tfsparse
