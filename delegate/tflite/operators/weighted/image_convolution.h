// The shared reader of CONV_2D and DEPTHWISE_CONV_2D.
#pragma once

#include <algorithm>

#include "delegate/tflite/operators/reader.h"

namespace tfsparse {

// Reads a T, derived from ImageConvolution. Parameter structs differ by the depth multiplier.
template <class T, class Params>
Status read_image_convolution(const TfLiteForm& form, Node* node) {
  TFSPARSE_RETURN_IF_ERROR(read_layer_inputs(node));
  Params params{};
  TFSPARSE_RETURN_IF_ERROR(form.get(&params));
  T op;
  Window& window = op.window;
  window.stride_h = params.stride_height;
  window.stride_w = params.stride_width;
  window.dilation_h = params.dilation_height_factor;
  window.dilation_w = params.dilation_width_factor;
  TFSPARSE_RETURN_IF_ERROR(read_activation(params.activation, &op.epilogue));
  TFSPARSE_RETURN_IF_ERROR(read_padding(params.padding, &window));
  if (std::max({window.stride_h, window.stride_w, window.dilation_h, window.dilation_w}) >
      kLongest) {
    return Status::error("stride or dilation above 1024");
  }
  node->op = op;
  return {};
}

}  // namespace tfsparse
