// Weights, biases and scales as the int8 kernels read them.
#pragma once

#include <cstdint>
#include <vector>

#include "delegate/kernels/int8/kernels.h"

namespace tfsparse {
namespace int8 {

// A convolution's weights and what its sums are made codes with. All but `offsets` may be freed
// once it is packed.
struct Product {
  const std::int8_t* weights;  // [outputs][taps][inputs], as TFLite has them: OHWI
  int outputs, taps, inputs;
  const std::int32_t* offsets;  // [taps][ceil(inputs / 4)], in bytes, see kernels.h
  const std::int32_t* bias;     // one an output, or null for none
  int input_zero_point;
  // input scale * weight scale / output scale, one an output
  const float* multipliers;
};

// What SpmmArgs points to; outputs are filled up to a multiple of four with ones without weights.
struct PackedQuads {
  std::vector<std::int32_t> counts, offsets, bias;
  std::vector<std::int8_t> weights;
  std::vector<float> multipliers;
  bool short_sums = true;

  int quads() const { return static_cast<int>(counts.size()) / kQuad; }
  // Sets what an args has of output quads [first, last).
  void describe(int first, int last, const Kernels& kernels, SpmmArgs* args) const;

 private:
  friend bool pack(const Product&, const Kernels&, PackedQuads*);
  std::vector<std::size_t> begin;  // of each output quad, its first quad of weights
};

// Keeps the quads of weights that are not 0. Returns false where a sum or a code might not fit 32
// bits: TFLite's would not either.
bool pack(const Product& product, const Kernels& kernels, PackedQuads* packed);

// A depthwise convolution's weights, and what its sums are made codes with.
struct DepthwiseProduct {
  const std::int8_t* weights;  // [kernel_h][kernel_w][channels], as TFLite has them
  int channels, kernel_h, kernel_w, stride_h, stride_w, dilation_h, dilation_w;
  const std::int32_t* bias;  // one a channel, or null for none
  int input_zero_point;
  const float* multipliers;  // one a channel
};

// What DepthwiseArgs points to: weights in the order of DepthwiseTaps.
struct PackedDepthwise {
  std::vector<std::int8_t> weights;
  std::vector<std::int32_t> bias;
  std::vector<float> multipliers;
  bool short_sums = true;
};

// Returns false as pack() does, or if the kernel is larger than kMaxDepthwiseKernel.
bool pack_depthwise(const DepthwiseProduct& product, const Kernels& kernels,
                    PackedDepthwise* packed);

// What RowsArgs points to. Outputs are in the order that makes their codes come out in theirs; a
// quad of weights that is 0 for all outputs of a group is left out.
struct PackedRows {
  std::vector<std::int32_t> counts, offsets, bias;
  std::vector<std::int8_t> weights;
  std::vector<float> multipliers;
};

// Packs [outputs][inputs] weights of a product of one tap whose `offsets` are not used. Returns
// false as pack() does.
bool pack_rows(const Product& product, const Kernels& kernels, PackedRows* packed);

// The bias with which a kernel that multiplies bytes as `kernels` keeps them computes
// bias + sum of w * (code - zero_point), or false where a sum, or that times the multiplier, might
// not fit 32 bits. `weights` are the n of one output. Sets short_sums, which may be null, to false
// where a sum times the multiplier might not fit 16 bits: for those that do there are faster
// instructions.
bool pack_bias(const std::int8_t* weights, std::size_t n, std::int32_t bias, int zero_point,
               float multiplier, const Kernels& kernels, std::int32_t* packed, bool* short_sums);

// How to add tensors of these scales, or false where a scale is not positive and finite or more
// than 16 times the output's, of which an output would have few codes.
bool add_of(double scale_a, int zero_a, double scale_b, int zero_b, double output_scale,
            const Output& output, Add* add);

// The same for a - b.
bool subtract_of(double scale_a, int zero_a, double scale_b, int zero_b, double output_scale,
                 const Output& output, Add* subtract);

// How to multiply tensors of these scales, or false where a scale is not positive and finite, or a
// scaled product might not fit 32 bits.
bool multiply_of(double scale_a, int zero_a, double scale_b, int zero_b, double output_scale,
                 const Output& output, Multiply* multiply);

}  // namespace int8
}  // namespace tfsparse
