#include "delegate/core/operators/shapes/slice.h"

#include "delegate/tflite/operators/reader.h"

namespace tfsparse {
namespace {

Status read_split(const TfLiteForm& form, Node* node) {
  TFSPARSE_RETURN_IF_ERROR(check_inputs(*node, 2));
  node->inputs = {node->inputs[1], node->inputs[0]};
  node->op = Split(form.outputs);
  return {};
}

Status read_split_v(const TfLiteForm& form, Node* node) {
  TFSPARSE_RETURN_IF_ERROR(check_inputs(*node, 3));
  node->inputs = {node->inputs[0], node->inputs[2], node->inputs[1]};
  node->op = Split(form.outputs);
  return {};
}

}  // namespace

OperatorReaders slice_readers() {
  static constexpr OperatorReader kReaders[] = {
      {kTfLiteBuiltinSlice, "SLICE", read_plain<Slice, 3>},
      {kTfLiteBuiltinSplit, "SPLIT", read_split},
      {kTfLiteBuiltinSplitV, "SPLIT_V", read_split_v},
  };
  return kReaders;
}

}  // namespace tfsparse
