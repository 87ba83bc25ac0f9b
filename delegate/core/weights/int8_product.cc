#include "delegate/core/weights/int8_product.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace tfsparse {
namespace {

// A bound of the epilogue as a code.
int code_of(float bound, const Quantization& quantization) {
  const float code = std::round(bound / quantization.scale()) + quantization.zero_point();
  return static_cast<int>(std::clamp(code, -128.0f, 127.0f));
}

// Vectors of pixels whose input fits the first-level cache.
int choose_tile(const Int8Product::Weights& weights, const int8::Kernels& kernels) {
  constexpr int kLeast = 6;  // a pass over the weights for less costs more than a cache miss
  const int quads = int8::quads_of(weights.inputs);
  const int pixels = (kernels.tile_bytes / (int8::kQuad * quads) - weights.more) / weights.lines;
  return std::clamp(pixels / kernels.lanes, kLeast, kernels.max_tile);
}

}  // namespace

int8::Output output_of(const Tensor& tensor, const Epilogue& epilogue) {
  const Quantization& quantization = *tensor.quantization;
  return {quantization.zero_point(), code_of(epilogue.lo, quantization),
          code_of(epilogue.hi, quantization)};
}

bool make_add(const Tensor& a, const Tensor& b, const Tensor& y, const Epilogue& epilogue,
              int8::Add* add) {
  return int8::add_of(a.quantization->scale(), a.quantization->zero_point(),
                      b.quantization->scale(), b.quantization->zero_point(),
                      y.quantization->scale(), output_of(y, epilogue), add);
}

Status Int8Product::pack(const Weights& weights, const int8::Output& output,
                         const int8::Kernels& kernels) {
  const int8::Product product{
      weights.dense.data(),     weights.channels,          weights.taps,
      weights.inputs,           weights.offsets.data(),    weights.bias.data(),
      weights.input_zero_point, weights.multipliers.data()};
  if (!int8::pack(product, kernels, &packed_)) {
    return Status::error("a sum of products may exceed 32 bits");
  }
  output_ = output;
  tile_ = choose_tile(weights, kernels);
  tile_pixels_ = tile_ * kernels.lanes;
  const double kept = std::accumulate(packed_.counts.begin(), packed_.counts.end(), 0.0);
  macs_per_pixel_ = kept * int8::kQuad;
  constexpr double kDense = 0.9;  // of all quads of weights
  const auto own = static_cast<double>(weights.dense.size()) - weights.filled;
  const bool sparse = macs_per_pixel_ < kDense * own;
  name_ = std::string(sparse ? "sparse " : "dense ") + "int8 " + kernels.name + " " +
          std::to_string(tile_) + "x" + std::to_string(kernels.lanes);
  return {};
}

void Int8Product::multiply(const int8::Kernels& kernels, Range quads, Padded<const std::int8_t> x,
                           std::int8_t* y, std::size_t y_stride, const std::int8_t* residual,
                           int n) const {
  int8::SpmmArgs args{};
  packed_.describe(quads.begin, quads.end, kernels, &args);
  const std::size_t first = quads.begin * y_stride;
  args.x = x;
  args.y = y + first;
  args.y_stride = y_stride;
  args.n = n;
  args.output = output_;
  args.residual = residual != nullptr ? residual + first : nullptr;
  args.add = add_;
  args.tile = tile_;
  kernels.spmm(args);
}

}  // namespace tfsparse
