#include "delegate/standalone/model_file.h"

#include <algorithm>
#include <limits>

#include "delegate/standalone/builtin_options.h"
#include "delegate/standalone/schema.h"

namespace tfsparse {
namespace {

// The type of a tensor from the schema's number.
int to_type(int number) {
  constexpr int kTypes[] = {kTfLiteFloat32,
                            kTfLiteFloat16,
                            kTfLiteInt32,
                            kTfLiteUInt8,
                            kTfLiteInt64,
                            0,
                            0,
                            kTfLiteInt16,
                            0,
                            kTfLiteInt8};
  const bool known = number >= 0 && number < static_cast<int>(std::size(kTypes));
  return known ? kTypes[number] : 0;
}

// Numbers that no int holds become the nearest ones, which no reader takes.
template <class T>
int to_int(T number) {
  using Limits = std::numeric_limits<int>;
  if constexpr (sizeof(T) > sizeof(int)) {
    return static_cast<int>(std::clamp<T>(number, Limits::min(), Limits::max()));
  } else {
    return number;
  }
}

Status damaged(const std::string& what) { return Status::error("the file is damaged: " + what); }

bool in_range(const std::vector<int>& tensors, std::size_t count) {
  return std::all_of(tensors.begin(), tensors.end(), [&](int index) {
    return index >= 0 && static_cast<std::size_t>(index) < count;
  });
}

}  // namespace

Status ModelFile::read(const void* bytes, std::size_t size, std::unique_ptr<ModelFile>* file) {
  std::unique_ptr<ModelFile> made(new ModelFile(bytes, size));
  if (!made->buffer_.is(schema::kIdentifier)) {
    return Status::error("expected a .tflite file, received " + std::to_string(size) +
                         " bytes without TFLite's identifier");
  }
  const Status status = made->read();
  if (made->buffer_.damaged()) return damaged("it names bytes behind its end");
  if (made->copies_too_much_) return damaged("its vectors overlap");
  TFSPARSE_RETURN_IF_ERROR(status);
  *file = std::move(made);
  return {};
}

Status ModelFile::read() {
  const FlatTable model = buffer_.root();
  const auto version = model.number<std::uint32_t>(schema::Model::kVersion);
  constexpr unsigned kVersion = 3;
  if (version != kVersion) {
    return Status::error("expected version 3 of TFLite's schema, received " +
                         std::to_string(version));
  }
  const auto graphs = model.tables(schema::Model::kSubgraphs);
  if (graphs.size() == 0) return damaged("it has no subgraph");
  const FlatTable graph = graphs[0];
  TFSPARSE_RETURN_IF_ERROR(read_operator_codes(model));
  TFSPARSE_RETURN_IF_ERROR(read_tensors(model, graph));
  TFSPARSE_RETURN_IF_ERROR(read_operators(graph));
  inputs_ = copy(graph.numbers<std::int32_t>(schema::Subgraph::kInputs));
  outputs_ = copy(graph.numbers<std::int32_t>(schema::Subgraph::kOutputs));
  if (!in_range(inputs_, tensors_.size()) || !in_range(outputs_, tensors_.size())) {
    return damaged("an input or output is a tensor that does not exist");
  }
  context_.impl_ = this;
  context_.tensors = tensors_.data();
  context_.tensors_size = tensors_.size();
  context_.GetExecutionPlan = &ModelFile::get_plan;
  context_.GetNodeAndRegistration = &ModelFile::get_node;
  return {};
}

Status ModelFile::read_operator_codes(const FlatTable& model) {
  using schema::OperatorCode;
  const auto codes = model.tables(schema::Model::kOperatorCodes);
  for (std::size_t i = 0; i < codes.size(); ++i) {
    const FlatTable from = codes[i];
    TfLiteRegistration to{};
    // Old files have the first alone; it has no room for the codes of newer operators.
    to.builtin_code =
        std::max<std::int32_t>(from.number<std::int8_t>(OperatorCode::kDeprecatedCode),
                               from.number<std::int32_t>(OperatorCode::kCode));
    to.version = from.number<std::int32_t>(OperatorCode::kVersion, 1);
    if (from.has(OperatorCode::kCustomCode)) {
      to.custom_name = keep(from.text(OperatorCode::kCustomCode));
    }
    codes_.push_back(to);
  }
  return {};
}

Status ModelFile::read_tensors(const FlatTable& model, const FlatTable& graph) {
  const auto buffers = model.tables(schema::Model::kBuffers);
  const auto tensors = graph.tables(schema::Subgraph::kTensors);
  for (std::size_t i = 0; i < tensors.size() && !copies_too_much_; ++i) {
    TfLiteTensor tensor{};
    const Status status = read_tensor(tensors[i], buffers, &tensor);
    if (!status.ok()) {
      return Status::error("tensor " + std::to_string(i) + ": " + status.message());
    }
    tensors_.push_back(tensor);
  }
  return {};
}

Status ModelFile::read_tensor(const FlatTable& from, const FlatVector<FlatTable>& buffers,
                              TfLiteTensor* to) {
  using schema::Tensor;
  to->type = to_type(from.number<std::int8_t>(Tensor::kType));
  to->name = keep(from.text(Tensor::kName));
  to->dims = keep(from.numbers<std::int32_t>(Tensor::kShape));
  to->dims_signature = keep(from.numbers<std::int32_t>(Tensor::kShapeSignature));
  to->is_variable = from.number<char>(Tensor::kIsVariable) != 0;
  read_quantization(from.table(Tensor::kQuantization), to);
  read_sparsity(from.table(Tensor::kSparsity), to);
  if (from.number<std::uint32_t>(Tensor::kExternalBuffer) != 0) {
    return Status::error("its values are in another file");
  }
  const auto buffer = from.number<std::uint32_t>(Tensor::kBuffer);
  if (buffer == 0) return {};  // by convention an empty one
  if (buffer >= buffers.size()) return damaged("a buffer does not exist");
  return read_data(buffers[buffer], to);
}

Status ModelFile::read_data(const FlatTable& buffer, TfLiteTensor* to) {
  const auto data = buffer.numbers<std::uint8_t>(schema::Buffer::kData);
  const char* bytes = data.bytes();
  std::uint64_t size = data.size();
  // Files of more than 2 GB have values behind the FlatBuffer, 0 and 1 stand for none.
  const auto offset = buffer.number<std::uint64_t>(schema::Buffer::kOffset);
  if (data.empty() && offset > 1) {
    size = buffer.number<std::uint64_t>(schema::Buffer::kSize);
    bytes = buffer_.bytes(offset, size);
  }
  if (bytes == nullptr || size == 0) return {};
  to->data = const_cast<char*>(bytes);  // never written: read_graph() has it as a constant
  to->bytes = static_cast<std::size_t>(size);
  to->allocation_type = kTfLiteMmapRo;
  return {};
}

void ModelFile::read_quantization(const FlatTable& from, TfLiteTensor* to) {
  using schema::Quantization;
  const auto scales = from.numbers<float>(Quantization::kScale);
  if (scales.empty() || from.number<std::uint8_t>(Quantization::kDetailsType) != 0) return;
  const auto zero_points = from.numbers<std::int64_t>(Quantization::kZeroPoint);
  TfLiteAffineQuantization quantization{keep(scales), keep(zero_points),
                                        from.number<std::int32_t>(Quantization::kDimension)};
  if (copies_too_much_) return;
  if (zero_points.size() == 1 && scales.size() > 1) {  // one for all channels
    arrays_.emplace_back(scales.size() + 1, quantization.zero_point->data[0]);
    arrays_.back()[0] = static_cast<int>(scales.size());
    quantization.zero_point = reinterpret_cast<TfLiteIntArray*>(arrays_.back().data());
  }
  quantizations_.push_back(quantization);
  to->quantization.type = kTfLiteAffineQuantization;
  to->quantization.params = &quantizations_.back();
}

void ModelFile::read_sparsity(const FlatTable& from, TfLiteTensor* to) {
  using schema::Dimension;
  using schema::Sparsity;
  if (from.is_absent()) return;
  const auto levels = from.tables(Sparsity::kDimensions);
  if (!affords(levels.size())) return;
  dimensions_.emplace_back();
  std::vector<TfLiteDimensionMetadata>& kept = dimensions_.back();
  for (std::size_t i = 0; i < levels.size(); ++i) {
    const FlatTable level = levels[i];
    kept.push_back({level.number<std::int8_t>(Dimension::kFormat),
                    level.number<std::int32_t>(Dimension::kDenseSize),
                    read_indices(level.number<std::uint8_t>(Dimension::kSegmentsType),
                                 level.table(Dimension::kSegments)),
                    read_indices(level.number<std::uint8_t>(Dimension::kIndicesType),
                                 level.table(Dimension::kIndices))});
  }
  sparsities_.push_back({keep(from.numbers<std::int32_t>(Sparsity::kTraversalOrder)),
                         keep(from.numbers<std::int32_t>(Sparsity::kBlockMap)), kept.data(),
                         static_cast<int>(kept.size())});
  to->sparsity = &sparsities_.back();
}

TfLiteIntArray* ModelFile::read_indices(int type, const FlatTable& from) {
  using schema::SparseIndices;
  switch (type) {
    case SparseIndices::kInt32:
      return keep(from.numbers<std::int32_t>(SparseIndices::kValues));
    case SparseIndices::kUInt16:
      return keep(from.numbers<std::uint16_t>(SparseIndices::kValues));
    case SparseIndices::kUInt8:
      return keep(from.numbers<std::uint8_t>(SparseIndices::kValues));
    default:
      return nullptr;
  }
}

Status ModelFile::read_operators(const FlatTable& graph) {
  const auto nodes = graph.tables(schema::Subgraph::kOperators);
  std::vector<std::int32_t> plan{static_cast<std::int32_t>(nodes.size())};
  for (std::size_t i = 0; i < nodes.size() && !copies_too_much_; ++i) {
    const FlatTable from = nodes[i];
    const auto code = from.number<std::uint32_t>(schema::Operator::kCodeIndex);
    if (code >= codes_.size()) return damaged("operator " + std::to_string(i) + " has no code");
    operators_.push_back({});
    Operator& to = operators_.back();
    to.registration = codes_[code];
    to.node.inputs = keep(from.numbers<std::int32_t>(schema::Operator::kInputs));
    to.node.outputs = keep(from.numbers<std::int32_t>(schema::Operator::kOutputs));
    to.params = read_builtin_options(to.registration.builtin_code, from);
    if (!to.params.empty()) to.node.builtin_data = to.params.data();
    plan.push_back(static_cast<std::int32_t>(i));
  }
  arrays_.push_back(std::move(plan));
  plan_ = reinterpret_cast<TfLiteIntArray*>(arrays_.back().data());
  return {};
}

template <class T>
std::vector<int> ModelFile::copy(const FlatVector<T>& from) {
  std::vector<int> values;
  if (!affords(from.size())) return values;
  for (std::size_t i = 0; i < from.size(); ++i) values.push_back(to_int(from[i]));
  return values;
}

template <class T>
TfLiteIntArray* ModelFile::keep(const FlatVector<T>& from) {
  std::vector<std::int32_t> words = copy(from);
  words.insert(words.begin(), static_cast<std::int32_t>(words.size()));
  arrays_.push_back(std::move(words));
  return reinterpret_cast<TfLiteIntArray*>(arrays_.back().data());
}

TfLiteFloatArray* ModelFile::keep(const FlatVector<float>& from) {
  if (!affords(from.size())) return nullptr;
  std::vector<std::int32_t> words(from.size() + 1, static_cast<std::int32_t>(from.size()));
  if (!from.empty()) std::memcpy(words.data() + 1, from.bytes(), from.size() * sizeof(float));
  arrays_.push_back(std::move(words));
  return reinterpret_cast<TfLiteFloatArray*>(arrays_.back().data());
}

const char* ModelFile::keep(std::string text) {
  if (!affords(text.size())) return "";
  texts_.push_back(std::move(text));
  return texts_.back().c_str();
}

bool ModelFile::affords(std::size_t elements) {
  // Every element takes a byte of the file at least, unless vectors are shared.
  constexpr std::uint64_t kShared = 4;
  copied_ += elements;
  copies_too_much_ = copies_too_much_ || copied_ > kShared * buffer_.size();
  return !copies_too_much_;
}

TfLiteStatus ModelFile::get_plan(TfLiteContext* context, TfLiteIntArray** plan) {
  *plan = static_cast<ModelFile*>(context->impl_)->plan_;
  return kTfLiteOk;
}

TfLiteStatus ModelFile::get_node(TfLiteContext* context, int index, TfLiteNode** node,
                                 TfLiteRegistration** registration) {
  auto& operators = static_cast<ModelFile*>(context->impl_)->operators_;
  if (index < 0 || static_cast<std::size_t>(index) >= operators.size()) return kTfLiteError;
  *node = &operators[index].node;
  *registration = &operators[index].registration;
  return kTfLiteOk;
}

}  // namespace tfsparse
