#include "delegate/core/operators/weighted/convolution.h"

#include "delegate/tflite/operators/weighted/image_convolution.h"

namespace tfsparse {
namespace {

struct ConvParams {
  int padding, stride_width, stride_height, activation;
  int dilation_width_factor, dilation_height_factor;
};

}  // namespace

OperatorReaders convolution_readers() {
  static constexpr OperatorReader kReaders[] = {
      {kTfLiteBuiltinConv2d, "CONV_2D", read_image_convolution<Convolution, ConvParams>},
  };
  return kReaders;
}

}  // namespace tfsparse
