#include "delegate/core/operators/shapes/cast.h"

#include "delegate/core/operators/elementwise/unary.h"
#include "delegate/tflite/operators/reader.h"

namespace tfsparse {
namespace {

Status read_cast(const TfLiteForm& form, Node* node) {
  TFSPARSE_RETURN_IF_ERROR(check_inputs(*node, 1));
  const DType from = form.input_type, to = form.output_type;
  if (is_integer(from) && is_integer(to)) {
    node->op = CastSizes();
  } else if (is_integer(from) && to == DType::kFloat32) {
    node->op = FloatsOfSizes();
  } else if (from == DType::kFloat32 && to == DType::kFloat32) {
    node->op = UnaryOperator(Unary::kIdentity);
  } else {
    return Status::error(std::string("casts ") + to_string(from) + " to " + to_string(to));
  }
  return {};
}

}  // namespace

OperatorReaders cast_readers() {
  static constexpr OperatorReader kReaders[] = {{kTfLiteBuiltinCast, "CAST", read_cast}};
  return kReaders;
}

}  // namespace tfsparse
