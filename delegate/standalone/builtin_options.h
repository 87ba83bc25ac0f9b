// Parameters of builtin operators, from the tables of a file to TFLite's structs.
#pragma once

#include <cstdint>
#include <vector>

#include "delegate/standalone/flatbuffer.h"

namespace tfsparse {

// The struct that TFLite passes as TfLiteNode::builtin_data for an operator of this code, as far as
// the readers in tflite/operators/ read it. `node` is the operator's table in the file. Parameters
// that are absent there have the schema's defaults. Empty for operators without parameters, and for
// those that have no reader.
std::vector<std::int32_t> read_builtin_options(int code, const FlatTable& node);

}  // namespace tfsparse
