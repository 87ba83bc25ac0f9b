#include "delegate/core/operators/elementwise/softmax.h"

#include "delegate/tflite/operators/reader.h"

namespace tfsparse {
namespace {

struct SoftmaxParams {
  float beta;
};

Status read_softmax(const TfLiteForm& form, Node* node) {
  TFSPARSE_RETURN_IF_ERROR(check_inputs(*node, 1));
  SoftmaxParams params{};
  TFSPARSE_RETURN_IF_ERROR(form.get(&params));
  node->op = Softmax(params.beta);
  return {};
}

}  // namespace

OperatorReaders softmax_readers() {
  static constexpr OperatorReader kReaders[] = {
      {kTfLiteBuiltinSoftmax, "SOFTMAX", read_softmax},
  };
  return kReaders;
}

}  // namespace tfsparse
