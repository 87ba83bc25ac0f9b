// All operators of TFLite that the delegate supports.
#pragma once

#include "delegate/tflite/operators/reader.h"

namespace tfsparse {

// Sets what a TFLite operator of that code is: the node's type and operator, Unsupported where the
// delegate has none for it. The node has its inputs.
void read_operator(int code, const TfLiteForm& form, Node* node);

}  // namespace tfsparse
