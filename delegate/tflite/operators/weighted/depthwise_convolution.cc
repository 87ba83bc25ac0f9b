#include "delegate/core/operators/weighted/depthwise_convolution.h"

#include "delegate/tflite/operators/weighted/image_convolution.h"

namespace tfsparse {
namespace {

struct DepthwiseConvParams {
  int padding, stride_width, stride_height, depth_multiplier, activation;
  int dilation_width_factor, dilation_height_factor;
};

}  // namespace

OperatorReaders depthwise_convolution_readers() {
  static constexpr OperatorReader kReaders[] = {
      {kTfLiteBuiltinDepthwiseConv2d, "DEPTHWISE_CONV_2D",
       read_image_convolution<DepthwiseConvolution, DepthwiseConvParams>},
  };
  return kReaders;
}

}  // namespace tfsparse
