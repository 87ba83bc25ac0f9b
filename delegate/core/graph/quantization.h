// Quantized tensors: TFLite's affine quantization of int8.
#pragma once

#include <string>
#include <vector>

namespace tfsparse {

struct Tensor;

// real value = scale * (stored value - zero point), as in TFLite's quantization specification.
struct Quantization {
  std::vector<float> scales;     // one for the tensor, or one for each index of `axis`
  std::vector<int> zero_points;  // likewise
  int axis = 0;

  // Of a tensor with one scale.
  float scale() const { return scales.front(); }
  int zero_point() const { return zero_points.front(); }
};

// Whether two tensors hold the same real value where they hold the same int8 value. Also true for
// two tensors that are not quantized.
bool have_same_quantization(const Tensor& a, const Tensor& b);

// Why the kernels cannot compute with an int8 activation. Empty if they can: it has one positive,
// finite scale and a zero point that int8 can hold.
std::string unsupported_activation(const Tensor& tensor);

// Why the kernels cannot use int8 weights. Empty if they can: they have one positive, finite scale
// or one for each index of dimension `axis`, and zero points of 0.
std::string unsupported_int8_weights(const Tensor& weights, int axis);

// The scale of every index of dimension `axis` of int8 weights.
std::vector<float> weight_scales(const Tensor& weights, int axis);

}  // namespace tfsparse
