#include "delegate/tflite/operators/reader.h"

#include <algorithm>

namespace tfsparse {

Status check_inputs(const Node& node, std::size_t required) {
  const bool lacks_any =
      std::any_of(node.inputs.begin(), node.inputs.end(), [](int input) { return input < 0; });
  if (node.inputs.size() < required || lacks_any) return Status::error("lacks an input");
  return {};
}

Status read_layer_inputs(Node* node) {
  if (node->inputs.size() < 2 || node->inputs[0] < 0 || node->inputs[1] < 0) {
    return Status::error("lacks an input");
  }
  if (node->inputs.size() > 3) node->inputs.resize(3);
  return {};
}

// TFLite's kernels reject TANH and SIGN_BIT or ignore them, so such operators are left to TFLite.
Status read_activation(int code, Epilogue* epilogue) {
  switch (code) {
    case kTfLiteActNone:
      return {};
    case kTfLiteActRelu:
      epilogue->lo = 0;
      return {};
    case kTfLiteActReluN1To1:
      epilogue->lo = -1;
      epilogue->hi = 1;
      return {};
    case kTfLiteActRelu6:
      epilogue->lo = 0;
      epilogue->hi = 6;
      return {};
    default:
      return Status::error("fused activation is not supported");
  }
}

Status read_padding(int code, Window* window) {
  if (code != kTfLitePaddingSame && code != kTfLitePaddingValid) {
    return Status::error("padding is unknown");
  }
  window->padding = code == kTfLitePaddingSame ? Padding::kSame : Padding::kValid;
  return {};
}

}  // namespace tfsparse
