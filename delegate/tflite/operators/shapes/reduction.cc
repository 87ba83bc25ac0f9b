#include "delegate/core/operators/shapes/reduction.h"

#include "delegate/tflite/operators/reader.h"

namespace tfsparse {
namespace {

struct ReducerParams {
  bool keep_dims;
};

template <Reduction reduction>
Status read_reduction(const TfLiteForm& form, Node* node) {
  TFSPARSE_RETURN_IF_ERROR(check_inputs(*node, 2));
  ReducerParams params{};
  TFSPARSE_RETURN_IF_ERROR(form.get(&params));
  Reduce op(reduction);
  op.keep_dims = params.keep_dims;
  node->op = op;
  return {};
}

}  // namespace

OperatorReaders reduction_readers() {
  static constexpr OperatorReader kReaders[] = {
      {kTfLiteBuiltinMean, "MEAN", read_reduction<Reduction::kMean>},
      {kTfLiteBuiltinSum, "SUM", read_reduction<Reduction::kSum>},
  };
  return kReaders;
}

}  // namespace tfsparse
