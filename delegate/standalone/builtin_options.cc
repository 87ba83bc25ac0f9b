#include "delegate/standalone/builtin_options.h"

#include <algorithm>
#include <cstring>

#include "delegate/standalone/schema.h"
#include "delegate/tflite/builtin_operators.h"

namespace tfsparse {
namespace {

// How a parameter stands in the file, and in the struct.
enum class Form {
  kInt,
  kFloat,
  kBool,     // a byte in both
  kEnum,     // a byte, an int
  kPadding,  // the same, counted from 0 and from 1
  kInts,     // a vector, room for eight ints and their number
};

struct Parameter {
  Form form;
  int field;       // of the table
  int absent = 0;  // an int's default
};

constexpr int kMostParameters = 7;

// The table of an operator, BuiltinOptions in the schema, and the struct's fields in order.
struct Layout {
  int code;
  int table;
  Parameter parameters[kMostParameters];
  int count;
};

template <int kCount>
constexpr Layout layout(int code, int table, const Parameter (&parameters)[kCount]) {
  Layout made{code, table, {}, kCount};
  for (int i = 0; i < kCount; ++i) made.parameters[i] = parameters[i];
  return made;
}

constexpr Parameter kActivation[] = {{Form::kEnum, 0}};
constexpr Parameter kOneFloat[] = {{Form::kFloat, 0}};
constexpr Parameter kOneBool[] = {{Form::kBool, 0}};
constexpr Parameter kTwoBools[] = {{Form::kBool, 0}, {Form::kBool, 1}};
constexpr Parameter kOneInt[] = {{Form::kInt, 0}};
constexpr Parameter kTwoInts[] = {{Form::kInt, 0}, {Form::kInt, 1}};
constexpr Parameter kInts[] = {{Form::kInts, 0}};
constexpr Parameter kConcatenation[] = {{Form::kInt, 0}, {Form::kEnum, 1}};
constexpr Parameter kBilinear[] = {{Form::kBool, 2}, {Form::kBool, 3}};
constexpr Parameter kFullyConnected[] = {{Form::kEnum, 0}, {Form::kEnum, 1}, {Form::kBool, 2}};
constexpr Parameter kTransposeConv[] = {
    {Form::kPadding, 0}, {Form::kInt, 1}, {Form::kInt, 2}, {Form::kEnum, 3}};
constexpr Parameter kConv[] = {{Form::kPadding, 0}, {Form::kInt, 1},    {Form::kInt, 2},
                               {Form::kEnum, 3},    {Form::kInt, 4, 1}, {Form::kInt, 5, 1}};
constexpr Parameter kDepthwiseConv[] = {{Form::kPadding, 0}, {Form::kInt, 1},  {Form::kInt, 2},
                                        {Form::kInt, 3},     {Form::kEnum, 4}, {Form::kInt, 5, 1},
                                        {Form::kInt, 6, 1}};
constexpr Parameter kPool[] = {{Form::kPadding, 0}, {Form::kInt, 1}, {Form::kInt, 2},
                               {Form::kInt, 3},     {Form::kInt, 4}, {Form::kEnum, 5}};
constexpr Parameter kStridedSlice[] = {{Form::kInt, 0}, {Form::kInt, 1}, {Form::kInt, 2},
                                       {Form::kInt, 3}, {Form::kInt, 4}, {Form::kBool, 5}};

constexpr Layout kLayouts[] = {
    layout(kTfLiteBuiltinConv2d, 1, kConv),
    layout(kTfLiteBuiltinDepthwiseConv2d, 2, kDepthwiseConv),
    layout(kTfLiteBuiltinAveragePool2d, 5, kPool),
    layout(kTfLiteBuiltinMaxPool2d, 5, kPool),
    layout(kTfLiteBuiltinFullyConnected, 8, kFullyConnected),
    layout(kTfLiteBuiltinSoftmax, 9, kOneFloat),
    layout(kTfLiteBuiltinConcatenation, 10, kConcatenation),
    layout(kTfLiteBuiltinAdd, 11, kActivation),
    layout(kTfLiteBuiltinResizeBilinear, 15, kBilinear),
    layout(kTfLiteBuiltinReshape, 17, kInts),
    layout(kTfLiteBuiltinSpaceToDepth, 19, kOneInt),
    layout(kTfLiteBuiltinMul, 21, kActivation),
    layout(kTfLiteBuiltinGather, 23, kTwoInts),
    layout(kTfLiteBuiltinMean, 27, kOneBool),
    layout(kTfLiteBuiltinSum, 27, kOneBool),
    layout(kTfLiteBuiltinReduceProd, 27, kOneBool),
    layout(kTfLiteBuiltinSub, 28, kActivation),
    layout(kTfLiteBuiltinDiv, 29, kActivation),
    layout(kTfLiteBuiltinSqueeze, 30, kInts),
    layout(kTfLiteBuiltinStridedSlice, 32, kStridedSlice),
    layout(kTfLiteBuiltinTransposeConv, 49, kTransposeConv),
    layout(kTfLiteBuiltinPack, 59, kTwoInts),
    layout(kTfLiteBuiltinResizeNearestNeighbor, 74, kTwoBools),
    layout(kTfLiteBuiltinLeakyRelu, 75, kOneFloat),
    layout(kTfLiteBuiltinDepthToSpace, 94, kOneInt),
    layout(kTfLiteBuiltinBatchMatmul, 101, kTwoBools),
    layout(kTfLiteBuiltinGelu, 116, kOneBool),
};

// The memory of a struct, whose ints and floats are aligned.
class Struct {
 public:
  void add_byte(char byte) {
    if (size_ == 4 * words_.size()) words_.push_back(0);
    std::memcpy(reinterpret_cast<char*>(words_.data()) + size_, &byte, 1);
    ++size_;
  }
  void add(std::int32_t word) {
    words_.push_back(word);
    size_ = 4 * words_.size();
  }
  void add(float number) {
    std::int32_t word;
    std::memcpy(&word, &number, sizeof word);
    add(word);
  }
  std::vector<std::int32_t> words() && { return std::move(words_); }

 private:
  std::vector<std::int32_t> words_;
  std::size_t size_ = 0;  // in bytes
};

// A vector that is too long keeps its number, which the readers refuse.
void add_ints(const FlatVector<std::int32_t>& ints, Struct* result) {
  constexpr std::size_t kRoom = 8;
  for (std::size_t i = 0; i < kRoom; ++i) result->add(i < ints.size() ? ints[i] : 0);
  result->add(static_cast<std::int32_t>(ints.size()));
}

void add_parameter(const Parameter& parameter, const FlatTable& table, Struct* result) {
  const int field = parameter.field;
  switch (parameter.form) {
    case Form::kInt:
      return result->add(table.number<std::int32_t>(field, parameter.absent));
    case Form::kFloat:
      return result->add(table.number<float>(field));
    case Form::kBool:
      return result->add_byte(table.number<char>(field) != 0);
    case Form::kEnum:
      return result->add(std::int32_t{table.number<std::int8_t>(field)});
    case Form::kPadding:
      return result->add(std::int32_t{table.number<std::int8_t>(field)} + 1);
    case Form::kInts:
      return add_ints(table.numbers<std::int32_t>(field), result);
  }
}

}  // namespace

std::vector<std::int32_t> read_builtin_options(int code, const FlatTable& node) {
  const auto* found = std::find_if(std::begin(kLayouts), std::end(kLayouts),
                                   [&](const Layout& layout) { return layout.code == code; });
  if (found == std::end(kLayouts)) return {};
  const bool fits = node.number<std::uint8_t>(schema::Operator::kOptionsType) == found->table;
  const FlatTable table = fits ? node.table(schema::Operator::kOptions) : FlatTable();
  Struct result;
  for (int i = 0; i < found->count; ++i) add_parameter(found->parameters[i], table, &result);
  return std::move(result).words();
}

}  // namespace tfsparse
