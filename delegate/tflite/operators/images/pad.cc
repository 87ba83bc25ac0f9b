#include "delegate/core/operators/images/pad.h"

#include "delegate/tflite/operators/reader.h"

namespace tfsparse {

OperatorReaders pad_readers() {
  static constexpr OperatorReader kReaders[] = {
      {kTfLiteBuiltinPad, "PAD", read_plain<Pad, 2>},
      {kTfLiteBuiltinPadv2, "PADV2", read_plain<Pad, 3>},
  };
  return kReaders;
}

}  // namespace tfsparse
