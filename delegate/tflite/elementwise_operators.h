// The operators of TFLite that treat every element alike, in the core's words.
#pragma once

#include "delegate/kernels/kernels.h"
#include "delegate/tflite/abi.h"

namespace tfsparse {

struct BinaryOperator {
  int code;
  const char* type;
  Binary operation;
  bool is_arithmetic;  // has TfLiteArithmeticParams
};
inline constexpr BinaryOperator kBinaryOperators[] = {
    {kTfLiteBuiltinAdd, "ADD", Binary::kAdd, true},
    {kTfLiteBuiltinSub, "SUB", Binary::kSub, true},
    {kTfLiteBuiltinMul, "MUL", Binary::kMul, true},
    {kTfLiteBuiltinDiv, "DIV", Binary::kDiv, true},
    {kTfLiteBuiltinMaximum, "MAXIMUM", Binary::kMax, false},
    {kTfLiteBuiltinMinimum, "MINIMUM", Binary::kMin, false},
    {kTfLiteBuiltinPrelu, "PRELU", Binary::kPrelu, false},
};

struct UnaryOperator {
  int code;
  const char* type;
  Unary operation = Unary::kIdentity;
  Activation activation = Activation::kNone;
  int clamp = kTfLiteActNone;
};
inline constexpr UnaryOperator kUnaryOperators[] = {
    {kTfLiteBuiltinRelu, "RELU", Unary::kIdentity, Activation::kNone, kTfLiteActRelu},
    {kTfLiteBuiltinReluN1To1, "RELU_N1_TO_1", Unary::kIdentity, Activation::kNone,
     kTfLiteActReluN1To1},
    {kTfLiteBuiltinRelu6, "RELU6", Unary::kIdentity, Activation::kNone, kTfLiteActRelu6},
    {kTfLiteBuiltinLogistic, "LOGISTIC", Unary::kIdentity, Activation::kSigmoid},
    {kTfLiteBuiltinHardSwish, "HARD_SWISH", Unary::kIdentity, Activation::kHardSwish},
    {kTfLiteBuiltinTanh, "TANH", Unary::kIdentity, Activation::kTanh},
    {kTfLiteBuiltinElu, "ELU", Unary::kIdentity, Activation::kElu},
    {kTfLiteBuiltinLeakyRelu, "LEAKY_RELU", Unary::kIdentity, Activation::kLeakyRelu},
    {kTfLiteBuiltinGelu, "GELU", Unary::kIdentity, Activation::kGelu},
    {kTfLiteBuiltinAbs, "ABS", Unary::kAbs},
    {kTfLiteBuiltinNeg, "NEG", Unary::kNegate},
    {kTfLiteBuiltinSquare, "SQUARE", Unary::kSquare},
    {kTfLiteBuiltinSqrt, "SQRT", Unary::kSqrt},
    {kTfLiteBuiltinRsqrt, "RSQRT", Unary::kRsqrt},
    {kTfLiteBuiltinExp, "EXP", Unary::kExp},
};

}  // namespace tfsparse
