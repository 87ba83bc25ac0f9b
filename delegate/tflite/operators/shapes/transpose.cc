#include "delegate/core/operators/shapes/transpose.h"

#include "delegate/tflite/operators/reader.h"

namespace tfsparse {

OperatorReaders transpose_readers() {
  static constexpr OperatorReader kReaders[] = {
      {kTfLiteBuiltinTranspose, "TRANSPOSE", read_plain<Transpose, 2>},
  };
  return kReaders;
}

}  // namespace tfsparse
