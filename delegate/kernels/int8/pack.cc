#include "delegate/kernels/int8/pack.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <limits>

#include "delegate/kernels/int8/depthwise_taps.h"

namespace tfsparse {
namespace int8 {
namespace {

// Of floats that convert to int32 everywhere.
constexpr double kMaxScaled = 2147483520.0;

// Of floats that round to int16.
constexpr double kMaxShort = 32766.0;

// With multipliers of 15 bits, a code is exact to 1/8 of one. Of larger ratios few codes are left.
constexpr double kMaxAddRatio = 16;

// The quads of one output's weights that are not 0.
void pack_row(const std::int8_t* row, const Product& product, PackedQuads* packed) {
  const int quads = quads_of(product.inputs);
  const std::size_t before = packed->offsets.size();
  for (int tap = 0; tap < product.taps; ++tap) {
    for (int quad = 0; quad < quads; ++quad) {
      std::int8_t w[kQuad] = {};
      bool any = false;
      for (int c = 0; c < kQuad && quad * kQuad + c < product.inputs; ++c) {
        w[c] = row[static_cast<std::size_t>(tap) * product.inputs + quad * kQuad + c];
        any = any || w[c] != 0;
      }
      if (!any) continue;
      packed->weights.insert(packed->weights.end(), w, w + kQuad);
      packed->offsets.push_back(product.offsets[static_cast<std::size_t>(tap) * quads + quad]);
    }
  }
  packed->counts.push_back(static_cast<std::int32_t>(packed->offsets.size() - before));
}

}  // namespace

bool pack_bias(const std::int8_t* weights, std::size_t n, std::int32_t bias, int zero_point,
               float multiplier, const Kernels& kernels, std::int32_t* packed, bool* short_sums) {
  std::int64_t sum = 0, absolute = 0, negative = 0;
  for (std::size_t i = 0; i < n; ++i) {
    sum += weights[i];
    absolute += std::abs(weights[i]);
    if (weights[i] < 0) negative -= weights[i];
  }
  const std::int64_t start =
      bias - sum * (zero_point + kernels.flip) + (kernels.flips_weights ? negative : 0);
  const std::int64_t largest = std::llabs(start) + 256 * absolute;
  if (largest > std::numeric_limits<std::int32_t>::max()) return false;
  *packed = static_cast<std::int32_t>(start);
  const double scaled = static_cast<double>(largest) * multiplier;
  if (short_sums && scaled > kMaxShort) *short_sums = false;
  const bool fits = !kernels.fixed_point || multiplier < 1;  // 31 bits
  return fits && multiplier >= 0 && scaled <= kMaxScaled;
}

bool pack(const Product& product, const Kernels& kernels, PackedQuads* packed) {
  *packed = {};
  const std::size_t row_size = static_cast<std::size_t>(product.taps) * product.inputs;
  for (int output = 0; output < product.outputs; ++output) {
    const std::int8_t* row = product.weights + output * row_size;
    if (output % kQuad == 0) packed->begin.push_back(packed->offsets.size());
    pack_row(row, product, packed);
    std::int32_t bias;
    if (!pack_bias(row, row_size, product.bias ? product.bias[output] : 0, product.input_zero_point,
                   product.multipliers[output], kernels, &bias, &packed->short_sums)) {
      return false;
    }
    packed->bias.insert(packed->bias.end(), kernels.bias_copies, bias);
    packed->multipliers.push_back(product.multipliers[output]);
  }
  const std::size_t filled = static_cast<std::size_t>(quads_of(product.outputs)) * kQuad;
  packed->counts.resize(filled, 0);
  packed->bias.resize(filled * kernels.bias_copies, 0);
  packed->multipliers.resize(filled, 0.0f);
  packed->weights.resize(packed->weights.size() + kOverread, 0);
  packed->offsets.resize(packed->offsets.size() + kOverread / sizeof(std::int32_t), 0);
  return true;
}

void PackedQuads::describe(int first, int last, const Kernels& kernels, SpmmArgs* args) const {
  args->quads = last - first;
  if (args->quads <= 0) return;
  const std::size_t channel = static_cast<std::size_t>(first) * kQuad;
  args->counts = counts.data() + channel;
  args->weights = weights.data() + begin[first] * kQuad;
  args->offsets = offsets.data() + begin[first];
  args->bias = bias.data() + channel * kernels.bias_copies;
  args->multipliers = multipliers.data() + channel;
  args->short_sums = short_sums;
}

namespace {

// The weights of one channel of a depthwise convolution.
std::vector<std::int8_t> column_of(const DepthwiseProduct& product, int channel) {
  std::vector<std::int8_t> column(static_cast<std::size_t>(product.kernel_h) * product.kernel_w);
  for (std::size_t i = 0; i < column.size(); ++i) {
    column[i] = product.weights[i * product.channels + channel];
  }
  return column;
}

// To y, where the dot products of a quad of channels have their weights, those of one channel.
void pack_column(const std::vector<std::int8_t>& column, const DepthwiseTaps& taps, int channel,
                 std::int8_t* y) {
  y += channel % kQuad * 4;
  for (int group = 0; group < taps.groups; ++group) {
    taps.for_each_column([&](int kx, int, int) {
      for (int row = 0; row < taps.rows; ++row, y += 4 * kQuad) {
        for (int i = 0; i < 4; ++i) {
          const int ky = 4 * group + i - row;
          if (ky >= 0 && ky < taps.kernel_h) y[i] = column[ky * taps.kernel_w + kx];
        }
      }
    });
  }
}

}  // namespace

bool pack_depthwise(const DepthwiseProduct& p, const Kernels& kernels, PackedDepthwise* packed) {
  *packed = {};
  if (p.kernel_h > kMaxDepthwiseKernel || p.kernel_w > kMaxDepthwiseKernel) return false;
  const DepthwiseTaps taps(p.kernel_h, p.kernel_w, p.stride_h, p.stride_w, p.dilation_w);
  const std::size_t quads = quads_of(p.channels);
  packed->weights.resize(quads * taps.weight_bytes(), 0);
  packed->bias.resize(quads * kQuad, 0);
  packed->multipliers.resize(quads * kQuad, 0.0f);
  for (int channel = 0; channel < p.channels; ++channel) {
    const auto column = column_of(p, channel);
    pack_column(column, taps, channel,
                packed->weights.data() + channel / kQuad * taps.weight_bytes());
    packed->multipliers[channel] = p.multipliers[channel];
    if (!pack_bias(column.data(), column.size(), p.bias ? p.bias[channel] : 0, p.input_zero_point,
                   p.multipliers[channel], kernels, &packed->bias[channel], &packed->short_sums)) {
      return false;
    }
  }
  return true;
}

namespace {

// The output whose sum is lane `lane` of vector `vector` of a group, see Finish::codes().
int output_of(int vector, int lane) { return lane / 4 * 16 + vector * 4 + lane % 4; }

}  // namespace

bool pack_rows(const Product& product, const Kernels& kernels, PackedRows* packed) {
  *packed = {};
  constexpr int kVectors = 4;
  const int group = kVectors * kernels.lanes;
  const std::size_t inputs = product.inputs;
  for (int first = 0; first < product.outputs; first += group) {
    std::vector<int> outputs;
    for (int i = 0; i < group; ++i) {
      outputs.push_back(first + output_of(i / kernels.lanes, i % kernels.lanes));
    }
    const std::size_t before = packed->offsets.size();
    for (std::size_t input = 0; input < inputs; input += kQuad) {
      std::vector<std::int8_t> block(static_cast<std::size_t>(group) * kQuad, 0);
      const std::size_t count = std::min<std::size_t>(kQuad, inputs - input);
      for (int i = 0; i < group; ++i) {
        if (outputs[i] >= product.outputs) continue;
        const std::int8_t* from = product.weights + outputs[i] * inputs + input;
        std::copy(from, from + count, block.begin() + std::ptrdiff_t{i} * kQuad);
      }
      if (std::all_of(block.begin(), block.end(), [](int w) { return w == 0; })) continue;
      packed->weights.insert(packed->weights.end(), block.begin(), block.end());
      packed->offsets.push_back(static_cast<std::int32_t>(input));
    }
    packed->counts.push_back(static_cast<std::int32_t>(packed->offsets.size() - before));
    for (const int output : outputs) {
      const bool exists = output < product.outputs;
      packed->multipliers.push_back(exists ? product.multipliers[output] : 0.0f);
      packed->bias.push_back(0);
      if (exists &&
          !pack_bias(product.weights + output * inputs, inputs,
                     product.bias ? product.bias[output] : 0, product.input_zero_point,
                     product.multipliers[output], kernels, &packed->bias.back(), nullptr)) {
        return false;
      }
    }
  }
  return true;
}

bool add_of(double scale_a, int zero_a, double scale_b, int zero_b, double output_scale,
            const Output& output, Add* add) {
  const double a = scale_a / output_scale, b = scale_b / output_scale;
  const double larger = a < b ? b : a;
  const bool in_range = a > 0 && b > 0 && larger <= kMaxAddRatio;  // false for NaN
  if (!in_range) return false;
  int shift = 15;
  while (std::ldexp(larger, shift) > 32767) --shift;
  const auto multiplier = [&](double x) {
    return static_cast<std::int16_t>(std::lrint(std::ldexp(x, shift)));
  };
  *add = {zero_a, zero_b, multiplier(a), multiplier(b), shift, output};
  return true;
}

bool subtract_of(double scale_a, int zero_a, double scale_b, int zero_b, double output_scale,
                 const Output& output, Add* subtract) {
  if (!add_of(scale_a, zero_a, scale_b, zero_b, output_scale, output, subtract)) return false;
  subtract->multiplier_b = static_cast<std::int16_t>(-subtract->multiplier_b);
  return true;
}

bool multiply_of(double scale_a, int zero_a, double scale_b, int zero_b, double output_scale,
                 const Output& output, Multiply* multiply) {
  constexpr double kMaxProduct = 255 * 255;
  const auto positive = [](double scale) { return scale > 0 && std::isfinite(scale); };
  if (!positive(scale_a) || !positive(scale_b) || !positive(output_scale)) return false;
  const float multiplier = static_cast<float>(scale_a * scale_b / output_scale);
  *multiply = {zero_a, zero_b, multiplier, output};
  return multiplier * kMaxProduct <= kMaxScaled;
}

}  // namespace int8
}  // namespace tfsparse
