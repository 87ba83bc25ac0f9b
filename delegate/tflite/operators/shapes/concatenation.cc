#include "delegate/core/operators/shapes/concatenation.h"

#include "delegate/core/operators/shapes/shape_arithmetic.h"
#include "delegate/tflite/operators/reader.h"

namespace tfsparse {
namespace {

struct ConcatenationParams {
  int axis, activation;
};

Status read_concatenation(const TfLiteForm& form, Node* node) {
  TFSPARSE_RETURN_IF_ERROR(check_inputs(*node, 1));
  ConcatenationParams params{};
  TFSPARSE_RETURN_IF_ERROR(form.get(&params));
  if (params.activation != kTfLiteActNone) {
    return Status::error("fused activation is not supported");
  }
  if (is_integer(form)) {
    if (params.axis != 0 && params.axis != -1) return Status::error("axis is not 0");
    node->op = JoinSizes(1);
    return {};
  }
  node->op = Concatenation(params.axis);
  return {};
}

}  // namespace

OperatorReaders concatenation_readers() {
  static constexpr OperatorReader kReaders[] = {
      {kTfLiteBuiltinConcatenation, "CONCATENATION", read_concatenation},
  };
  return kReaders;
}

}  // namespace tfsparse
