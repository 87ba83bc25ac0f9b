// The registry of supported TFLite operators.
#pragma once

#include "delegate/tflite/operators/reader.h"

namespace tfsparse {

// Sets a node's type and operator from TFLite's operator code. The operator stays Unsupported if
// there is no reader. The node must have its inputs.
void read_operator(int code, const TfLiteForm& form, Node* node);

}  // namespace tfsparse
