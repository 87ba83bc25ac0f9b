// The oracle: every int8 kernel as the plain loop that says what it computes. Same arguments, and
// the table whose kernel it is for, which says how bytes are kept.
#pragma once

#include <cmath>
#include <cstdint>

#include "delegate/kernels/int8/kernels.h"
#include "delegate/kernels/int8/pack.h"

namespace tfsparse {
namespace int8 {
namespace reference {

inline int code(std::int8_t byte, const Kernels& k) {
  return static_cast<std::int8_t>(byte ^ k.flip);
}
inline std::int8_t byte(int code, const Kernels& k) {
  return static_cast<std::int8_t>(code ^ k.flip);
}

inline int clamp(std::int64_t code, const Output& output) {
  return static_cast<int>(code < output.lo ? output.lo : code > output.hi ? output.hi : code);
}

inline int finish(std::int32_t sum, float multiplier, const Output& output) {
  const float scaled = static_cast<float>(sum) * multiplier;
  return clamp(std::llrint(scaled) + output.zero_point, output);
}

// The same of a sum of products with weights.
inline int finish(std::int32_t sum, float multiplier, const Output& output, const Kernels& k) {
  if (!k.fixed_point) return finish(sum, multiplier, output);
  const auto factor = static_cast<std::int32_t>(multiplier * 2147483648.0);
  const std::int64_t scaled = (std::int64_t{sum} * factor + (1 << 30)) >> 31;
  return clamp(scaled + output.zero_point, output);
}

inline int add(int a, int b, const Add& how) {
  const std::int32_t sum =
      (a - how.zero_a) * how.multiplier_a + (b - how.zero_b) * how.multiplier_b;
  const std::int32_t shifted = (sum + (1 << (how.shift - 1))) >> how.shift;
  return clamp(std::int64_t{shifted} + how.output.zero_point, how.output);
}

// The product of a weight and the byte of a code, as the bias expects it (pack_bias()).
inline std::int32_t product(int weight, std::int8_t x, const Kernels& k) {
  if (k.flips_weights && weight < 0) return -weight * (-1 - code(x, k));
  return weight * (code(x, k) + k.flip);
}

inline void spmm(const SpmmArgs& a, const Kernels& k) {
  std::size_t begin = 0;
  for (int channel = 0; channel < a.quads * kQuad; begin += a.counts[channel], ++channel) {
    for (int p = 0; p < a.n; ++p) {
      std::int32_t sum = a.bias[channel * k.bias_copies];
      for (std::size_t i = begin; i < begin + a.counts[channel]; ++i) {
        for (int c = 0; c < kQuad; ++c) {
          sum += product(a.weights[i * kQuad + c], a.x[a.offsets[i] + p * kQuad + c], k);
        }
      }
      const std::size_t at = channel / kQuad * a.y_stride + p * kQuad + channel % kQuad;
      int y = finish(sum, a.multipliers[channel], a.output, k);
      if (a.residual) y = add(y, code(a.residual[at], k), a.add);
      a.y[at] = byte(y, k);
    }
  }
}

// Of weights and a bias that are not packed.
inline void depthwise(const DepthwiseProduct& product, const DepthwiseArgs& a, const Kernels& k) {
  for (int channel = 0; channel < product.channels; ++channel) {
    const std::int8_t* x = a.x + channel / kQuad * a.x_stride + channel % kQuad;
    std::int8_t* y = a.y + channel / kQuad * a.y_stride + channel % kQuad;
    for (int oy = 0; oy < a.out_h; ++oy) {
      for (int ox = 0; ox < a.out_w; ++ox) {
        std::int32_t sum = product.bias[channel];
        for (int ky = 0; ky < a.kernel_h; ++ky) {
          for (int kx = 0; kx < a.kernel_w; ++kx) {
            const int iy = oy * a.stride_h + ky * a.dilation_h - a.pad_top;
            const int ix = ox * a.stride_w + kx * a.dilation_w - a.pad_left;
            if (iy < 0 || iy >= a.in_h || ix < 0 || ix >= a.in_w) continue;
            const int w = product.weights[(ky * a.kernel_w + kx) * product.channels + channel];
            sum += w * (code(x[(iy * a.in_w + ix) * kQuad], k) - a.input_zero_point);
          }
        }
        y[(oy * a.out_w + ox) * kQuad] =
            byte(finish(sum, product.multipliers[channel], a.output, k), k);
      }
    }
  }
}

inline int pool(const PoolArgs& a, const std::int8_t* x, int row, int column, const Kernels& k) {
  std::int32_t sum = 0, count = 0, largest = -128;
  for (int ky = 0; ky < a.window_h; ++ky) {
    for (int kx = 0; kx < a.window_w; ++kx) {
      const int iy = row * a.stride_h + ky - a.pad_top, ix = column * a.stride_w + kx - a.pad_left;
      if (iy < 0 || iy >= a.in_h || ix < 0 || ix >= a.in_w) continue;
      const int from = code(x[(iy * a.in_w + ix) * kQuad], k);
      sum += from, ++count;
      if (from > largest) largest = from;
    }
  }
  const Output output{0, a.output.lo, a.output.hi};
  return a.op == Pooling::kMax ? clamp(largest, output) : finish(sum, 1.0f / count, output);
}

inline void pool(const PoolArgs& a, const Kernels& k) {
  for (int i = 0; i < a.quads * kQuad; ++i) {
    const std::int8_t* x = a.x + i / kQuad * a.x_stride + i % kQuad;
    std::int8_t* y = a.y + i / kQuad * a.y_stride + i % kQuad;
    for (int row = 0; row < a.out_h; ++row) {
      for (int column = 0; column < a.out_w; ++column, y += kQuad) {
        *y = byte(pool(a, x, row, column, k), k);
      }
    }
  }
}

inline int resize(const ResizeArgs& a, const std::int8_t* x, int row, int column,
                  const Kernels& k) {
  const auto at = [&](int y, int x_) {
    const int iy = y < a.in_h ? y : a.in_h - 1, ix = x_ < a.in_w ? x_ : a.in_w - 1;
    return static_cast<std::int64_t>(code(x[(iy * a.in_w + ix) * kQuad], k));
  };
  const int top = a.rows[row], left = a.columns[column];
  if (!a.row_weights) return static_cast<int>(at(top, left));
  const int v = a.row_weights[row], h = a.column_weights[column];
  const std::int64_t upper = at(top, left) * (kResizeOne - h) + at(top, left + 1) * h;
  const std::int64_t lower = at(top + 1, left) * (kResizeOne - h) + at(top + 1, left + 1) * h;
  const std::int64_t sum = upper * (kResizeOne - v) + lower * v;
  const std::int64_t one = std::int64_t{kResizeOne} * kResizeOne;
  return static_cast<int>((sum + (sum > 0 ? one / 2 : -one / 2)) / one);
}

inline void resize(const ResizeArgs& a, const Kernels& k) {
  for (int i = 0; i < a.quads * kQuad; ++i) {
    const std::int8_t* x = a.x + i / kQuad * a.x_stride + i % kQuad;
    std::int8_t* y = a.y + i / kQuad * a.y_stride + i % kQuad;
    for (int row = 0; row < a.out_h; ++row) {
      for (int column = 0; column < a.out_w; ++column, y += kQuad) {
        *y = byte(resize(a, x, row, column, k), k);
      }
    }
  }
}

inline void pad(const PadArgs& a, const Kernels& k) {
  for (int row = 0; row < a.out_h; ++row) {
    for (int column = 0; column < a.out_w; ++column) {
      if (row % a.stride_h >= a.phases_h || column % a.stride_w >= a.phases_w) continue;
      const int iy = row - a.pad_top, ix = column - a.pad_left;
      const bool inside = iy >= 0 && iy < a.in_h && ix >= 0 && ix < a.in_w;
      for (int i = 0; i < a.quads * kQuad; ++i) {
        const int quad = i / kQuad, c = i % kQuad;
        a.y[quad * a.y_stride + row % a.stride_h * a.row_phase_stride +
            row / a.stride_h * a.row_stride + column % a.stride_w * a.column_phase_stride +
            column / a.stride_w * kQuad + c] =
            inside ? a.x[quad * a.x_stride + (iy * a.in_w + ix) * kQuad + c] : byte(a.border, k);
      }
    }
  }
}

inline void from_quads(const ImageArgs& a, const Kernels& k) {
  for (int p = 0; p < a.pixels; ++p) {
    for (int c = 0; c < a.channels; ++c) {
      const std::int8_t x = a.x[c / kQuad * a.plane_stride + p * kQuad + c % kQuad];
      a.y[p * a.channels + c] = static_cast<std::int8_t>(code(x, k));
    }
  }
}

inline void add(const AddArgs& a, const Kernels& k) {
  for (std::size_t i = 0; i < a.quads * kQuad; ++i) {
    const std::int8_t b = a.b[a.b_is_one_quad ? i % kQuad : i];
    a.y[i] = byte(add(code(a.a[i], k), code(b, k), a.add), k);
  }
}

inline void multiply(const MultiplyArgs& a, const Kernels& k) {
  const Multiply& how = a.multiply;
  for (std::size_t i = 0; i < a.quads * kQuad; ++i) {
    const std::int8_t b = a.b[a.b_is_one_quad ? i % kQuad : i];
    const std::int32_t product = (code(a.a[i], k) - how.zero_a) * (code(b, k) - how.zero_b);
    a.y[i] = byte(finish(product, how.multiplier, how.output), k);
  }
}

inline void prelu(const PreluArgs& a, const Kernels& k) {
  for (int channel = 0; channel < a.quads * kQuad; ++channel) {
    for (int p = 0; p < a.pixels; ++p) {
      const std::size_t at = p * kQuad + channel % kQuad;
      const int x = code(a.x[channel / kQuad * a.x_stride + at], k) - a.zero;
      const float factor = x < 0 ? a.below[channel] : a.above;
      a.y[channel / kQuad * a.y_stride + at] = byte(finish(x, factor, a.output), k);
    }
  }
}

inline void quantize(const QuantizeArgs& a) {
  for (std::size_t i = 0; i < a.n; ++i) {
    const float scaled = a.x[i] * a.inverse_scale;
    const float lo = static_cast<float>(-128 - a.zero_point);
    const float hi = static_cast<float>(127 - a.zero_point);
    const float number = std::isnan(scaled) ? 0.0f : std::fmin(std::fmax(scaled, lo), hi);
    a.y[i] = static_cast<std::int8_t>(std::lrint(number) + a.zero_point);
  }
}

inline void dequantize(const DequantizeArgs& a) {
  for (std::size_t i = 0; i < a.n; ++i) {
    a.y[i] = static_cast<float>(a.x[i] - a.zero_point) * a.scale;
  }
}

inline void mean(const MeanArgs& a, const Kernels& k) {
  for (int channel = 0; channel < a.quads * kQuad; ++channel) {
    std::int32_t sum = a.bias;
    for (int p = 0; p < a.n; ++p) {
      sum += code(a.x[channel / kQuad * a.x_stride + p * kQuad + channel % kQuad], k) + k.flip;
    }
    a.y[channel / kQuad * a.y_stride + channel % kQuad] =
        byte(finish(sum, a.multiplier, a.output), k);
  }
}

inline void lookup(const LookupArgs& a) {
  for (std::size_t i = 0; i < a.n; ++i) a.y[i] = a.table[static_cast<std::uint8_t>(a.x[i])];
}

// Of weights and a bias that are not packed.
inline void rows(const Product& product, const RowsArgs& a, const Kernels& k) {
  for (int row = 0; row < product.outputs; ++row) {
    std::int32_t sum = product.bias[row];
    for (int i = 0; i < product.inputs; ++i) {
      sum +=
          product.weights[row * product.inputs + i] * (code(a.x[i], k) - product.input_zero_point);
    }
    a.y[row] = byte(finish(sum, product.multipliers[row], a.output, k), k);
  }
}

}  // namespace reference
}  // namespace int8
}  // namespace tfsparse
