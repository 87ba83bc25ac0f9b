#include "delegate/core/operators/constant.h"

#include "delegate/tflite/operators/reader.h"

namespace tfsparse {

OperatorReaders constant_readers() {
  static constexpr OperatorReader kReaders[] = {
      {kTfLiteBuiltinDensify, "DENSIFY", read_plain<Densify, 1>},
      {kTfLiteBuiltinDequantize, "DEQUANTIZE", read_plain<Dequantize, 1>},
  };
  return kReaders;
}

}  // namespace tfsparse
