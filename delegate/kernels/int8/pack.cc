#include "delegate/kernels/int8/pack.h"

#include <cmath>
#include <cstdlib>
#include <limits>

namespace tfsparse {
namespace int8 {
namespace {

// Of floats that convert to int32 everywhere.
constexpr double kMaxScaled = 2147483520.0;

int quads_of(int channels) { return (channels + kQuad - 1) / kQuad; }

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
               float multiplier, const Kernels& kernels, std::int32_t* packed) {
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
  return multiplier >= 0 && static_cast<double>(largest) * multiplier <= kMaxScaled;
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
                   product.multipliers[output], kernels, &bias)) {
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
}

bool add_of(double scale_a, int zero_a, double scale_b, int zero_b, double output_scale,
            const Output& output, Add* add) {
  const double a = scale_a / output_scale, b = scale_b / output_scale;
  const double larger = a < b ? b : a;
  const bool positive = a > 0 && b > 0 && larger <= 1 << 14;  // false for NaN
  if (!positive) return false;
  int shift = 15;
  while (shift > 1 && std::ldexp(larger, shift) > 32767) --shift;
  const auto multiplier = [&](double x) {
    return static_cast<std::int16_t>(std::lrint(std::ldexp(x, shift)));
  };
  *add = {zero_a, zero_b, multiplier(a), multiplier(b), shift, output};
  return true;
}

}  // namespace int8
}  // namespace tfsparse
