// The int8 counterpart of Product: sparse or dense int8 weights times runs of quads.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "delegate/core/graph/graph.h"
#include "delegate/core/weights/product.h"
#include "delegate/kernels/int8/pack.h"

namespace tfsparse {

// The codes that a tensor's epilogue clamps to, and its zero point.
int8::Output output_of(const Tensor& tensor, const Epilogue& epilogue);

// The sum of a and b as y. Returns false if the scales differ too much: see int8::add_of.
bool make_add(const Tensor& a, const Tensor& b, const Tensor& y, const Epilogue& epilogue,
              int8::Add* add);

class Int8Product {
 public:
  struct Weights {
    std::vector<std::int8_t> dense;  // [channels][taps][inputs]
    int channels = 0, taps = 0, inputs = 0;
    std::int64_t filled = 0;            // zeros in `dense` that are none of the layer's weights
    std::vector<std::int32_t> offsets;  // [taps][quads of inputs], in bytes
    // All taps of a quad of inputs together read lines * n + more quads for n pixels.
    int lines = 1, more = 0;
    std::vector<std::int32_t> bias;  // by channel
    std::vector<float> multipliers;  // input scale * weight scale / output scale, by channel
    int input_zero_point = 0;
  };

  // Fails if a sum may exceed 32 bits.
  Status pack(const Weights& weights, const int8::Output& output, const int8::Kernels& kernels);
  // Adds a residual, laid out as y, to the result.
  void set_residual(const int8::Add& add) { add_ = add; }
  const int8::Add& residual() const { return add_; }

  // Computes n pixels of the output quads `quads`. x points to the first pixel of input channel 0,
  // y and residual (or null) to that of output channel 0.
  void multiply(const int8::Kernels& kernels, Range quads, Padded<const std::int8_t> x,
                std::int8_t* y, std::size_t y_stride, const std::int8_t* residual, int n) const;

  int quads() const { return packed_.quads(); }
  int tile_pixels() const { return tile_pixels_; }  // per pass over the weights
  double macs_per_pixel() const { return macs_per_pixel_; }
  const std::string& name() const { return name_; }  // for reports

 private:
  int8::PackedQuads packed_;
  int8::Output output_;
  int8::Add add_{};
  int tile_ = 1, tile_pixels_ = 1;
  double macs_per_pixel_ = 0;
  std::string name_;
};

}  // namespace tfsparse
