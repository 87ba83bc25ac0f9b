#include "delegate/core/operators/elementwise/binary.h"

#include "delegate/core/operators/shapes/shape_arithmetic.h"
#include "delegate/tflite/operators/reader.h"

namespace tfsparse {
namespace {

// ADD, SUB, MUL and DIV.
struct ArithmeticParams {
  int activation;
};

template <Binary binary>
Status read_binary(const TfLiteForm& form, Node* node) {
  TFSPARSE_RETURN_IF_ERROR(check_inputs(*node, 2));
  node->op = BinaryOperator(binary);
  const bool of_sizes = binary == Binary::kMax || binary == Binary::kMin;
  if (is_integer(form) && of_sizes) node->op = SizeArithmetic(binary);
  return {};
}

template <Binary binary>
Status read_arithmetic(const TfLiteForm& form, Node* node) {
  TFSPARSE_RETURN_IF_ERROR(check_inputs(*node, 2));
  ArithmeticParams params{};
  TFSPARSE_RETURN_IF_ERROR(form.get(&params));
  if (is_integer(form) && binary != Binary::kDiv && params.activation == kTfLiteActNone) {
    node->op = SizeArithmetic(binary);
    return {};
  }
  BinaryOperator op(binary);
  TFSPARSE_RETURN_IF_ERROR(read_activation(params.activation, &op.epilogue));
  node->op = op;
  return {};
}

}  // namespace

OperatorReaders binary_readers() {
  static constexpr OperatorReader kReaders[] = {
      {kTfLiteBuiltinAdd, "ADD", read_arithmetic<Binary::kAdd>},
      {kTfLiteBuiltinSub, "SUB", read_arithmetic<Binary::kSub>},
      {kTfLiteBuiltinMul, "MUL", read_arithmetic<Binary::kMul>},
      {kTfLiteBuiltinDiv, "DIV", read_arithmetic<Binary::kDiv>},
      {kTfLiteBuiltinMaximum, "MAXIMUM", read_binary<Binary::kMax>},
      {kTfLiteBuiltinMinimum, "MINIMUM", read_binary<Binary::kMin>},
      {kTfLiteBuiltinPrelu, "PRELU", read_binary<Binary::kPrelu>},
      {kTfLiteBuiltinSquaredDifference, "SQUARED_DIFFERENCE",
       read_binary<Binary::kSquaredDifference>},
      {kTfLiteBuiltinPow, "POW", read_binary<Binary::kPower>},
  };
  return kReaders;
}

}  // namespace tfsparse
