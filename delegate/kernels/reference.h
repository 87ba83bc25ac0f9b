// Reference kernels: plain loops in float32 with the arguments of the fast kernels. They never read
// past an end.
#pragma once

#include <cmath>

#include "delegate/kernels/half.h"
#include "delegate/kernels/kernels.h"

namespace tfsparse {
namespace reference {

template <class T>
const T* as(const void* p) {
  return static_cast<const T*>(p);
}
template <class T>
T* as(void* p) {
  return static_cast<T*>(p);
}

inline double activate(const Epilogue& e, double v) {
  switch (e.activation) {
    case Activation::kHardSwish:
      return v * std::fmin(std::fmax(v + 3.0, 0.0), 6.0) / 6.0;
    case Activation::kSigmoid:
      return 1.0 / (1.0 + std::exp(-v));
    case Activation::kSwish:
      return v / (1.0 + std::exp(-v));
    case Activation::kTanh:
      return std::tanh(v);
    case Activation::kElu:
      return v < 0 ? std::expm1(v) : v;
    case Activation::kLeakyRelu:
      return v < 0 ? v * e.slope : v;
    case Activation::kGelu:
      return 0.5 * v * std::erfc(-v * std::sqrt(0.5));
    case Activation::kGeluTanh:
      return v / (1.0 + std::exp(-std::sqrt(8.0 / std::acos(-1.0)) * (v + 0.044715 * v * v * v)));
    case Activation::kNone:
      break;
  }
  return v;
}

inline float apply(const Epilogue& e, double v) {
  v = activate(e, v);
  v = v < e.lo ? e.lo : v;
  return static_cast<float>(v > e.hi ? e.hi : v);
}

inline float apply(const Epilogue& e, double v, double residual) {
  if (e.residual_first) return apply(e, v + residual);
  return static_cast<float>(apply(e, v) + residual);
}

// `bias_copies` is Kernels::bias_copies.
template <class T>
void spmm(const SpmmArgs& a, int bias_copies) {
  std::size_t begin = 0;
  for (int block = 0; block < a.blocks; begin += a.nnz[block], ++block) {
    for (int c = 0; c < a.block; ++c) {
      const int channel = a.channels[block * a.block + c];
      for (int p = 0; p < a.n; ++p) {
        const std::size_t at = channel * a.y_stride + p;
        double v = a.accumulate ? as<T>(a.y)[at] : as<T>(a.bias)[channel * bias_copies];
        for (std::size_t i = begin; i < begin + a.nnz[block]; ++i) {
          const int offset = a.narrow_offsets ? a.narrow_offsets[i] : a.wide_offsets[i];
          v += static_cast<double>(as<T>(a.values)[i * a.block + c]) * as<T>(a.x)[offset + p];
        }
        as<T>(a.y)[at] = static_cast<float>(v);
        if (a.finish)
          as<T>(a.y)[at] = apply(a.epilogue, v, a.residual ? as<T>(a.residual)[at] : 0.0f);
      }
    }
  }
}

template <class T>
void depthwise_plane(const DepthwiseArgs& a, int plane) {
  const T* x = as<T>(a.x) + plane * a.x_stride;
  const T* weights = as<T>(a.weights) + plane * a.kernel_h * a.kernel_w;
  for (int oy = 0; oy < a.out_h; ++oy) {
    for (int ox = 0; ox < a.out_w; ++ox) {
      double v = a.bias[plane];
      for (int ky = 0; ky < a.kernel_h; ++ky) {
        for (int kx = 0; kx < a.kernel_w; ++kx) {
          const int iy = oy * a.stride_h + ky * a.dilation_h - a.pad_top;
          const int ix = ox * a.stride_w + kx * a.dilation_w - a.pad_left;
          if (iy < 0 || iy >= a.in_h || ix < 0 || ix >= a.in_w) continue;
          v += static_cast<double>(weights[ky * a.kernel_w + kx]) * x[iy * a.in_w + ix];
        }
      }
      as<T>(a.y)[plane * a.y_stride + oy * a.out_w + ox] = apply(a.epilogue, v);
    }
  }
}

template <class T>
void depthwise(const DepthwiseArgs& a) {
  for (int plane = 0; plane < a.planes; ++plane) depthwise_plane<T>(a, plane);
}

template <class T>
void pool_plane(const PoolArgs& a, const T* x, T* y) {
  const bool average = a.op == Pooling::kAverage;
  for (int oy = 0; oy < a.out_h; ++oy) {
    for (int ox = 0; ox < a.out_w; ++ox) {
      double total = 0.0;
      float largest = -__FLT_MAX__;
      int count = 0;
      for (int ky = 0; ky < a.window_h; ++ky) {
        for (int kx = 0; kx < a.window_w; ++kx) {
          const int iy = oy * a.stride_h + ky - a.pad_top, ix = ox * a.stride_w + kx - a.pad_left;
          if (iy < 0 || iy >= a.in_h || ix < 0 || ix >= a.in_w) continue;
          const float v = x[iy * a.in_w + ix];
          total += v;
          largest = v > largest ? v : largest;
          ++count;
        }
      }
      y[oy * a.out_w + ox] = apply(a.epilogue, average ? total / count : largest);
    }
  }
}

template <class T>
void pool(const PoolArgs& a) {
  for (int plane = 0; plane < a.planes; ++plane) {
    pool_plane<T>(a, as<T>(a.x) + plane * a.x_stride, as<T>(a.y) + plane * a.y_stride);
  }
}

// The two inputs of one output along an axis. The second is read only if its weight is not 0.
struct ResizeTap {
  int first, second;
  double weight;

  ResizeTap(const std::int32_t* indices, const float* weights, int i)
      : first(indices[i]), second(first), weight(weights ? weights[i] : 0.0) {
    if (weight != 0.0) ++second;
  }
  double of(double a, double b) const { return a * (1.0 - weight) + b * weight; }
};

template <class T>
void resize(const ResizeArgs& a) {
  for (int plane = 0; plane < a.planes; ++plane) {
    const T* x = as<T>(a.x) + plane * a.x_stride;
    for (int row = 0; row < a.out_h; ++row) {
      for (int column = 0; column < a.out_w; ++column) {
        const ResizeTap v(a.rows, a.row_weights, row), h(a.columns, a.column_weights, column);
        const T *upper = x + v.first * a.in_w, *lower = x + v.second * a.in_w;
        const double blended =
            v.of(h.of(upper[h.first], upper[h.second]), h.of(lower[h.first], lower[h.second]));
        as<T>(a.y)[plane * a.y_stride + row * a.out_w + column] = apply(a.epilogue, blended);
      }
    }
  }
}

template <class T>
void pad(const PadArgs& a) {
  for (int row = 0; row < a.out_h; ++row) {
    for (int column = 0; column < a.out_w; ++column) {
      if (row % a.stride_h >= a.phases_h || column % a.stride_w >= a.phases_w) continue;
      const int iy = row - a.pad_top, ix = column - a.pad_left;
      const bool inside = iy >= 0 && iy < a.in_h && ix >= 0 && ix < a.in_w;
      T& y = as<T>(a.y)[row % a.stride_h * a.row_phase_stride + row / a.stride_h * a.row_stride +
                        column % a.stride_w * a.column_phase_stride + column / a.stride_w];
      y = inside ? as<T>(a.x)[iy * a.x_row_stride + ix * a.x_pixel_stride] : 0.0f;
    }
  }
}

template <class T>
void crop(const CropArgs& a) {
  for (int row = 0; row < a.rows; ++row) {
    for (int i = 0; i < a.width; ++i) {
      const int at = row * a.width + i;
      as<T>(a.y)[at] =
          as<T>(a.x)[row * a.x_row_stride + i] + (a.residual ? as<T>(a.residual)[at] : 0.0f);
    }
  }
}

inline double unary(Unary op, double v) {
  switch (op) {
    case Unary::kAbs:
      return std::fabs(v);
    case Unary::kNegate:
      return -v;
    case Unary::kSquare:
      return v * v;
    case Unary::kSqrt:
      return std::sqrt(v);
    case Unary::kRsqrt:
      return 1.0 / std::sqrt(v);
    case Unary::kExp:
      return std::exp(v);
    case Unary::kLog:
      return std::log(v);
    case Unary::kIdentity:
      break;
  }
  return v;
}

template <class T>
void unary(const UnaryArgs& a) {
  for (std::size_t i = 0; i < a.n; ++i)
    as<T>(a.y)[i] = apply(a.epilogue, unary(a.op, as<T>(a.x)[i]));
}

template <class T>
void binary(const BinaryArgs& a) {
  const float fixed_a = a.n ? as<T>(a.a)[0] : 0.0f,
              fixed_b = a.n ? as<T>(a.b)[0] : 0.0f;  // y may be a or b
  for (std::size_t i = 0; i < a.n; ++i) {
    const double l = a.a_step ? as<T>(a.a)[i] : fixed_a, r = a.b_step ? as<T>(a.b)[i] : fixed_b;
    double v = 0.0;
    switch (a.op) {
      case Binary::kAdd:
        v = l + r;
        break;
      case Binary::kSub:
        v = l - r;
        break;
      case Binary::kMul:
        v = l * r;
        break;
      case Binary::kDiv:
        v = l / r;
        break;
      case Binary::kMax:
        v = l > r ? l : r;
        break;
      case Binary::kMin:
        v = l < r ? l : r;
        break;
      case Binary::kPrelu:
        v = l < 0 ? l * r : l;
        break;
      case Binary::kSquaredDifference:
        v = (l - r) * (l - r);
        break;
      case Binary::kPower:
        v = std::pow(l, r);
        break;
    }
    as<T>(a.y)[i] = apply(a.epilogue, v);
  }
}

template <class T>
void layer_norm(const LayerNormArgs& a) {
  for (int p = 0; p < a.n; ++p) {
    double mean = 0, variance = 0;
    const auto x = [&](int c) { return static_cast<double>(as<T>(a.x)[c * a.x_stride + p]); };
    for (int c = 0; c < a.channels; ++c) mean += x(c) / a.channels;
    for (int c = 0; c < a.channels; ++c) variance += std::pow(x(c) - mean, 2) / a.channels;
    for (int c = 0; c < a.channels; ++c) {
      const double normal = (x(c) - mean) / std::sqrt(variance + a.epsilon);
      as<T>(a.y)[c * a.y_stride + p] = static_cast<float>(normal * a.gamma[c] + a.beta[c]);
    }
  }
}

inline double number(float weight) { return weight; }
inline double number(std::uint16_t weight) { return widen(weight); }

template <class T, class Weight>
void rows_of(const RowsArgs& a) {
  const auto* weights = static_cast<const Weight*>(a.weights);
  for (int row = 0; row < a.rows; ++row) {
    double v = a.bias ? a.bias[row] : 0.0f;
    for (int d = 0; d < a.depth; ++d) {
      v += number(weights[static_cast<std::size_t>(row) * a.depth + d]) * as<T>(a.x)[d];
    }
    as<T>(a.y)[row] = apply(a.epilogue, v);
  }
}

template <class T>
void dense_rows(const RowsArgs& a) {
  rows_of<T, T>(a);
}
template <class T>
void half_rows(const RowsArgs& a) {
  rows_of<T, std::uint16_t>(a);
}

template <class T>
void sparse_rows(const SparseRowsArgs& a) {
  std::size_t i = 0;
  for (int row = 0; row < a.rows; ++row) {
    double v = a.bias ? a.bias[row] : 0.0f;
    for (const std::size_t end = i + a.row_nnz[row]; i < end; ++i) {
      const int offset = a.narrow_offsets ? a.narrow_offsets[i] : a.wide_offsets[i];
      v += static_cast<double>(as<T>(a.values)[i]) * as<T>(a.x)[offset];
    }
    as<T>(a.y)[row] = apply(a.epilogue, v);
  }
}

template <class T>
float sum(const T* x, std::size_t n) {
  double v = 0.0;
  for (std::size_t i = 0; i < n; ++i) v += x[i];
  return static_cast<float>(v);
}

template <class T>
void accumulate(const T* x, float* sums, std::size_t n) {
  for (std::size_t i = 0; i < n; ++i) sums[i] += x[i];
}

template <class T>
void softmax(const T* x, T* y, int n, float beta) {
  double largest = -HUGE_VAL, total = 0.0;
  for (int i = 0; i < n; ++i) largest = std::fmax(largest, static_cast<double>(beta) * x[i]);
  for (int i = 0; i < n; ++i) total += std::exp(static_cast<double>(beta) * x[i] - largest);
  for (int i = 0; i < n; ++i) {
    y[i] = static_cast<float>(std::exp(static_cast<double>(beta) * x[i] - largest) / total);
  }
}

template <class T>
void to_chw(const T* x, T* y, int pixels, int channels, std::size_t plane_stride) {
  for (int p = 0; p < pixels; ++p) {
    for (int c = 0; c < channels; ++c) y[c * plane_stride + p] = x[p * channels + c];
  }
}

template <class T>
void from_chw(const FromChwArgs& a) {
  for (int row = 0; row < a.rows; ++row) {
    const T* x = static_cast<const T*>(a.x) + row * a.x_row_stride;
    T* y = static_cast<T*>(a.y) + row * a.y_row_stride;
    for (int p = 0; p < a.pixels; ++p) {
      for (int c = 0; c < a.channels; ++c) y[p * a.channels + c] = x[c * a.plane_stride + p];
    }
  }
}

}  // namespace reference
}  // namespace tfsparse
