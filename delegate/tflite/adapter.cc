#include "delegate/tflite/adapter.h"

#include <algorithm>
#include <map>
#include <set>

#include "delegate/core/operators/constant.h"
#include "delegate/core/operators/elementwise/quantize.h"
#include "delegate/core/operators/unsupported.h"
#include "delegate/tflite/operators/registry.h"

namespace tfsparse {
namespace {

DType to_dtype(int type) {
  switch (type) {
    case kTfLiteFloat32:
      return DType::kFloat32;
    case kTfLiteFloat16:
      return DType::kFloat16;
    case kTfLiteInt8:
      return DType::kInt8;
    case kTfLiteUInt8:
      return DType::kUInt8;
    case kTfLiteInt16:
      return DType::kInt16;
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

// Null where the tensor has no scale.
std::shared_ptr<const Quantization> to_quantization(const TfLiteTensor& tensor) {
  if (tensor.quantization.type != kTfLiteAffineQuantization) return nullptr;
  const auto* from = static_cast<const TfLiteAffineQuantization*>(tensor.quantization.params);
  if (from == nullptr || from->scale == nullptr || from->scale->size <= 0) return nullptr;
  auto quantization = std::make_shared<Quantization>();
  quantization->scales.assign(from->scale->data, from->scale->data + from->scale->size);
  quantization->zero_points = to_vector(from->zero_point);
  quantization->axis = from->quantized_dimension;
  return quantization;
}

Tensor to_tensor(const TfLiteTensor& from) {
  Tensor tensor;
  tensor.name = from.name ? from.name : "";
  tensor.type = to_dtype(from.type);
  tensor.shape = to_vector(from.dims);
  const std::vector<int> signature = to_vector(from.dims_signature);
  tensor.size_is_open = from.allocation_type == kTfLiteDynamic ||
                        std::count(signature.begin(), signature.end(), -1) > 0;
  tensor.quantization = to_quantization(from);
  if (from.allocation_type == kTfLiteMmapRo && from.data != nullptr) {
    tensor.data = from.data;
    tensor.bytes = from.bytes;
    if (from.sparsity != nullptr) tensor.sparsity = to_encoding(*from.sparsity);
  }
  return tensor;
}

bool in_range(const std::vector<int>& tensors, std::size_t count, int lowest) {
  return std::all_of(tensors.begin(), tensors.end(), [&](int index) {
    return index >= lowest && (index < 0 || static_cast<std::size_t>(index) < count);
  });
}

// Leaves nodes that read a tensor before it is written or write one again. No converter writes such
// a file, but TFLite does not check.
class OrderCheck {
 public:
  explicit OrderCheck(std::size_t tensors) : maker_(tensors, -1), twice_(tensors) {}

  void note(int position, const std::vector<int>& outputs) {
    for (int output : outputs) {
      if (maker_[output] >= 0) twice_[output] = true;
      maker_[output] = position;
    }
  }

  bool is_sound(int position, const Node& node) const {
    return !twice_[node.output] &&
           std::all_of(node.inputs.begin(), node.inputs.end(), [&](int input) {
             return input < 0 || (maker_[input] < position && !twice_[input]);
           });
  }

 private:
  std::vector<int> maker_;   // position of the writing node by tensor, or -1
  std::vector<bool> twice_;  // by tensor, whether several nodes write it
};

// Fails if an operator names a tensor that does not exist, or writes a constant. TFLite would crash
// on these.
Status check_tensors(int id, const std::vector<int>& inputs, const std::vector<int>& outputs,
                     const std::vector<Tensor>& tensors) {
  if (!in_range(inputs, tensors.size(), -1) || !in_range(outputs, tensors.size(), 0)) {
    return Status::error("node " + std::to_string(id) + " names a tensor that does not exist");
  }
  for (int output : outputs) {
    if (!tensors[output].is_constant()) continue;
    return Status::error("node " + std::to_string(id) + " writes tensor '" + tensors[output].name +
                         "', which is a constant");
  }
  return {};
}

// Adds one node per output of a supported operator, or one node for any other operator.
Status add_operator(int id, const TfLiteNode& from, const TfLiteRegistration& registration,
                    Graph* graph) {
  const std::vector<int> outputs = to_vector(from.outputs);
  Node node;
  node.id = id;
  node.code = registration.builtin_code;
  node.inputs = to_vector(from.inputs);
  TFSPARSE_RETURN_IF_ERROR(check_tensors(id, node.inputs, outputs, graph->tensors));
  if (!outputs.empty()) {
    node.output = outputs[0];
    const int count = static_cast<int>(outputs.size());
    const Tensor& output = graph->tensors[node.output];
    const bool has_input = !node.inputs.empty() && node.inputs[0] >= 0;
    const DType input_type = has_input ? graph->tensors[node.inputs[0]].type : DType::kOther;
    const TfLiteForm form{from.builtin_data, count, output.shape, output.type, input_type};
    read_operator(node.code, form, &node);
    if (node.op->outputs() != count && !as<Unsupported>(node)) {
      node.op = Unsupported("has several outputs");
    }
  }
  if (registration.custom_name != nullptr) node.type = registration.custom_name;
  graph->nodes.push_back(node);
  for (int i = 1; i < node.op->outputs(); ++i) {
    node.output_index = i;
    node.output = outputs[i];
    graph->nodes.push_back(node);
  }
  return {};
}

// Converters may give the scales of a sparse constant to the output of DENSIFY only.
void read_densify_scales(Graph* graph) {
  for (const Node& node : graph->nodes) {
    if (as<Densify>(node) == nullptr) continue;
    Tensor& sparse = graph->tensors[node.inputs[0]];
    if (sparse.quantization == nullptr) {
      sparse.quantization = graph->tensors[node.output].quantization;
    }
  }
}

// DEQUANTIZE makes a constant wider, or it computes.
void read_computed_dequantize(Graph* graph) {
  const GraphIndex index(*graph);
  for (Node& node : graph->nodes) {
    if (as<Dequantize>(node) != nullptr && index.stored_constant(node.inputs[0]) < 0) {
      node.op = Quantize();
    }
  }
}

}  // namespace

Status check_runtime(const TfLiteContext& context) {
  if (context.GetExecutionPlan == nullptr || context.GetNodeAndRegistration == nullptr ||
      context.ReplaceNodeSubsetsWithDelegateKernels == nullptr || context.ResizeTensor == nullptr ||
      context.ReportError == nullptr || context.PreviewDelegatePartitioning == nullptr ||
      context.tensors == nullptr || context.tensors_size > std::size_t{1} << 24) {
    return Status::error("this runtime's TfLiteContext is not laid out as TFLite 2.x has it");
  }
  return {};
}

std::vector<int> to_vector(const TfLiteIntArray* array) {
  if (array == nullptr || array->size <= 0) return {};
  return std::vector<int>(array->data, array->data + array->size);
}

Status read_graph(TfLiteContext* context, Graph* graph) {
  for (std::size_t i = 0; i < context->tensors_size; ++i) {
    graph->tensors.push_back(to_tensor(context->tensors[i]));
    graph->tensors.back().id = static_cast<int>(i);
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
    const int position = static_cast<int>(graph->nodes.size());
    TFSPARSE_RETURN_IF_ERROR(add_operator(id, *from, *registration, graph));
    order.note(position, to_vector(from->outputs));
  }
  for (std::size_t i = 0; i < graph->nodes.size(); ++i) {
    Node& node = graph->nodes[i];
    if (as<Unsupported>(node) || order.is_sound(static_cast<int>(i), node)) continue;
    node.op = Unsupported("a tensor is read before it is written, or written twice");
  }
  read_densify_scales(graph);
  read_computed_dequantize(graph);
  return {};
}

Graph extract(const Graph& graph, const GraphIndex& index, const std::vector<int>& ids,
              const std::vector<int>& inputs, const std::vector<int>& outputs) {
  Graph part;
  std::map<int, int> numbers;  // tensor in the model -> tensor in the part
  std::set<int> made;
  const auto number = [&](int tensor) {
    const auto [known, is_new] = numbers.emplace(tensor, static_cast<int>(numbers.size()));
    if (is_new) part.tensors.push_back(graph.tensors[tensor]);
    return known->second;
  };
  for (int i : nodes_of(graph, index, ids)) {
    Node node = graph.nodes[i];
    if (node.op->role() == Role::kConstant) continue;
    made.insert(node.output);
    for (int& input : node.inputs) {
      const int stored = index.stored_constant(input);
      if (input >= 0) input = number(stored >= 0 ? stored : input);
    }
    node.output = number(node.output);
    part.nodes.push_back(std::move(node));
  }
  // The runtime puts a DENSIFY into the first possible part, even if its readers are in another.
  for (int output : outputs) {
    if (made.count(output)) part.outputs.push_back(numbers.at(output));
  }
  for (int input : inputs) {
    if (input >= 0 && numbers.count(input) && !graph.tensors[input].is_constant()) {
      part.inputs.push_back(numbers.at(input));
    }
  }
  return part;
}

}  // namespace tfsparse
