#include "delegate/core/graph/quantization.h"

#include <algorithm>
#include <cmath>

#include "delegate/core/graph/graph.h"

namespace tfsparse {
namespace {

bool is_valid(float scale) { return std::isfinite(scale) && scale > 0; }

// Checks what activations and weights share.
std::string unsupported_scales(const Tensor& tensor) {
  if (tensor.quantization == nullptr) return "int8 tensor has no scale";
  const Quantization& quantization = *tensor.quantization;
  if (quantization.scales.empty() ||
      quantization.zero_points.size() != quantization.scales.size()) {
    return "int8 tensor has " + std::to_string(quantization.scales.size()) + " scales and " +
           std::to_string(quantization.zero_points.size()) + " zero points";
  }
  const bool valid = std::all_of(quantization.scales.begin(), quantization.scales.end(), is_valid);
  return valid ? "" : "a scale is not positive and finite";
}

}  // namespace

bool have_same_quantization(const Tensor& a, const Tensor& b) {
  if (a.quantization == nullptr || b.quantization == nullptr) {
    return a.quantization == b.quantization;
  }
  return a.quantization->scales == b.quantization->scales &&
         a.quantization->zero_points == b.quantization->zero_points;
}

std::string unsupported_activation(const Tensor& tensor) {
  const std::string reason = unsupported_scales(tensor);
  if (!reason.empty()) return reason;
  if (tensor.quantization->scales.size() != 1) return "int8 tensor has several scales";
  const int zero_point = tensor.quantization->zero_point();
  const bool fits = zero_point >= -128 && zero_point <= 127;
  return fits ? "" : "zero point " + std::to_string(zero_point) + " is no int8 number";
}

std::string unsupported_int8_weights(const Tensor& weights, int axis) {
  const std::string reason = unsupported_scales(weights);
  if (!reason.empty()) return reason;
  const Quantization& quantization = *weights.quantization;
  const std::size_t count = quantization.scales.size();
  if (count > 1) {
    if (quantization.axis != axis) {
      return "weights have scales along dimension " + std::to_string(quantization.axis);
    }
    if (count != static_cast<std::size_t>(weights.shape[axis])) {
      return "weights have " + std::to_string(count) + " scales for " +
             std::to_string(weights.shape[axis]) + " channels";
    }
  }
  const bool symmetric =
      std::all_of(quantization.zero_points.begin(), quantization.zero_points.end(),
                  [](int zero_point) { return zero_point == 0; });
  return symmetric ? "" : "weights have a zero point other than 0";
}

std::vector<float> weight_scales(const Tensor& weights, int axis) {
  std::vector<float> scales = weights.quantization->scales;
  if (scales.size() == 1) scales.resize(weights.shape[axis], scales.front());
  return scales;
}

}  // namespace tfsparse
