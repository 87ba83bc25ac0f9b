#include "delegate/core/operators/weighted/fully_connected.h"

#include "delegate/tflite/operators/reader.h"

namespace tfsparse {
namespace {

struct FullyConnectedParams {
  int activation, weights_format;
  bool keep_num_dims;
};

Status read_fully_connected(const TfLiteForm& form, Node* node) {
  TFSPARSE_RETURN_IF_ERROR(read_layer_inputs(node));
  FullyConnectedParams params{};
  TFSPARSE_RETURN_IF_ERROR(form.get(&params));
  FullyConnected op;
  op.keep_dims = params.keep_num_dims;
  TFSPARSE_RETURN_IF_ERROR(read_activation(params.activation, &op.epilogue));
  if (params.weights_format != 0) return Status::error("weights are in the shuffled format");
  node->op = op;
  return {};
}

}  // namespace

OperatorReaders fully_connected_readers() {
  static constexpr OperatorReader kReaders[] = {
      {kTfLiteBuiltinFullyConnected, "FULLY_CONNECTED", read_fully_connected},
  };
  return kReaders;
}

}  // namespace tfsparse
