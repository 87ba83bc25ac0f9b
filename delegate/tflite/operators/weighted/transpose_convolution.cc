#include "delegate/core/operators/weighted/transpose_convolution.h"

#include <algorithm>

#include "delegate/tflite/operators/reader.h"

namespace tfsparse {
namespace {

struct TransposeConvParams {
  int padding, stride_width, stride_height;
  int activation;  // since operator version 4
};

Status read_transpose_convolution(const TfLiteForm& form, Node* node) {
  if (node->inputs.size() == 4 && node->inputs[3] < 0) node->inputs.pop_back();  // no bias
  TFSPARSE_RETURN_IF_ERROR(check_inputs(*node, 3));
  const std::vector<int> from = node->inputs;
  node->inputs = {from[2], from[1], from.size() > 3 ? from[3] : -1, from[0]};
  TransposeConvParams params{};
  TFSPARSE_RETURN_IF_ERROR(form.get(&params));
  TransposeConvolution op;
  op.window.stride_h = params.stride_height;
  op.window.stride_w = params.stride_width;
  TFSPARSE_RETURN_IF_ERROR(read_activation(params.activation, &op.epilogue));
  TFSPARSE_RETURN_IF_ERROR(read_padding(params.padding, &op.window));
  const auto [least, most] = std::minmax(op.window.stride_h, op.window.stride_w);
  if (least < 1) return Status::error("stride below 1");
  if (most > kLongest) return Status::error("stride above 1024");
  node->op = op;
  return {};
}

}  // namespace

OperatorReaders transpose_convolution_readers() {
  static constexpr OperatorReader kReaders[] = {
      {kTfLiteBuiltinTransposeConv, "TRANSPOSE_CONV", read_transpose_convolution},
  };
  return kReaders;
}

}  // namespace tfsparse
