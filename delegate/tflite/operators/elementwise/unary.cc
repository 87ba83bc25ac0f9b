#include "delegate/core/operators/elementwise/unary.h"

#include "delegate/tflite/operators/reader.h"

namespace tfsparse {
namespace {

struct LeakyReluParams {
  float alpha;
};

struct GeluParams {
  bool approximate;
};

template <Unary unary>
Status read_unary(const TfLiteForm&, Node* node) {
  TFSPARSE_RETURN_IF_ERROR(check_inputs(*node, 1));
  node->op = UnaryOperator(unary);
  return {};
}

Status set_epilogue(const Epilogue& epilogue, Node* node) {
  TFSPARSE_RETURN_IF_ERROR(check_inputs(*node, 1));
  UnaryOperator op;
  op.epilogue = epilogue;
  node->op = op;
  return {};
}

template <int code>
Status read_clamp(const TfLiteForm&, Node* node) {
  Epilogue epilogue;
  TFSPARSE_RETURN_IF_ERROR(read_activation(code, &epilogue));
  return set_epilogue(epilogue, node);
}

template <Activation activation>
Status read_function(const TfLiteForm&, Node* node) {
  Epilogue epilogue;
  epilogue.activation = activation;
  return set_epilogue(epilogue, node);
}

Status read_leaky_relu(const TfLiteForm& form, Node* node) {
  LeakyReluParams params{};
  TFSPARSE_RETURN_IF_ERROR(form.get(&params));
  Epilogue epilogue;
  epilogue.activation = Activation::kLeakyRelu;
  epilogue.slope = params.alpha;
  return set_epilogue(epilogue, node);
}

Status read_gelu(const TfLiteForm& form, Node* node) {
  GeluParams params{};
  TFSPARSE_RETURN_IF_ERROR(form.get(&params));
  Epilogue epilogue;
  epilogue.activation = params.approximate ? Activation::kGeluTanh : Activation::kGelu;
  return set_epilogue(epilogue, node);
}

}  // namespace

OperatorReaders unary_readers() {
  static constexpr OperatorReader kReaders[] = {
      {kTfLiteBuiltinRelu, "RELU", read_clamp<kTfLiteActRelu>},
      {kTfLiteBuiltinReluN1To1, "RELU_N1_TO_1", read_clamp<kTfLiteActReluN1To1>},
      {kTfLiteBuiltinRelu6, "RELU6", read_clamp<kTfLiteActRelu6>},
      {kTfLiteBuiltinLogistic, "LOGISTIC", read_function<Activation::kSigmoid>},
      {kTfLiteBuiltinHardSwish, "HARD_SWISH", read_function<Activation::kHardSwish>},
      {kTfLiteBuiltinTanh, "TANH", read_function<Activation::kTanh>},
      {kTfLiteBuiltinElu, "ELU", read_function<Activation::kElu>},
      {kTfLiteBuiltinLeakyRelu, "LEAKY_RELU", read_leaky_relu},
      {kTfLiteBuiltinGelu, "GELU", read_gelu},
      {kTfLiteBuiltinAbs, "ABS", read_unary<Unary::kAbs>},
      {kTfLiteBuiltinNeg, "NEG", read_unary<Unary::kNegate>},
      {kTfLiteBuiltinSquare, "SQUARE", read_unary<Unary::kSquare>},
      {kTfLiteBuiltinSqrt, "SQRT", read_unary<Unary::kSqrt>},
      {kTfLiteBuiltinRsqrt, "RSQRT", read_unary<Unary::kRsqrt>},
      {kTfLiteBuiltinExp, "EXP", read_unary<Unary::kExp>},
      {kTfLiteBuiltinLog, "LOG", read_unary<Unary::kLog>},
  };
  return kReaders;
}

}  // namespace tfsparse
