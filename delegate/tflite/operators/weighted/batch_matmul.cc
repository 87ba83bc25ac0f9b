#include "delegate/core/operators/weighted/batch_matmul.h"

#include "delegate/tflite/operators/reader.h"

namespace tfsparse {
namespace {

struct BatchMatMulParams {
  bool adj_x, adj_y;
};

Status read_batch_matmul(const TfLiteForm& form, Node* node) {
  TFSPARSE_RETURN_IF_ERROR(check_inputs(*node, 2));
  BatchMatMulParams params{};
  TFSPARSE_RETURN_IF_ERROR(form.get(&params));
  node->op = BatchMatMul(params.adj_x, params.adj_y);
  return {};
}

}  // namespace

OperatorReaders batch_matmul_readers() {
  static constexpr OperatorReader kReaders[] = {
      {kTfLiteBuiltinBatchMatmul, "BATCH_MATMUL", read_batch_matmul},
  };
  return kReaders;
}

}  // namespace tfsparse
