#include "delegate/core/operators/elementwise/quantize.h"

#include "delegate/tflite/operators/reader.h"

namespace tfsparse {

OperatorReaders quantize_readers() {
  static constexpr OperatorReader kReaders[] = {
      {kTfLiteBuiltinQuantize, "QUANTIZE", read_plain<Quantize, 1>},
  };
  return kReaders;
}

}  // namespace tfsparse
