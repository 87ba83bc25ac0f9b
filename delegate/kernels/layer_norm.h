// Normalization over channels, at each pixel.
#pragma once

#include "delegate/kernels/simd.h"

namespace tfsparse {
namespace {

// Normalizes T vectors of pixels, or with T = 1 the first `lanes` pixels of one.
template <class V, int T>
void normalize_pixels(const LayerNormArgs& a, const Element* x, Element* y, int lanes) {
  const auto each_channel = [&](auto body) {
    const Element* plane = x;
    for (int channel = 0; channel < a.channels; ++channel, plane += a.x_stride) {
      TFSPARSE_UNROLL
      for (int t = 0; t < T; ++t) {
        const Element* at = plane + t * V::kLanes;
        body(channel, t, T == 1 ? load_first<V>(at, lanes) : V::load(at));
      }
    }
  };
  const V zero = V::broadcast(0.0f), share = V::broadcast(1.0f / static_cast<float>(a.channels));
  V mean[T], scale[T];
  TFSPARSE_UNROLL
  for (int t = 0; t < T; ++t) mean[t] = scale[t] = zero;
  each_channel([&](int, int t, V v) { mean[t] = mean[t] + v; });
  TFSPARSE_UNROLL
  for (int t = 0; t < T; ++t) mean[t] = mean[t] * share;
  each_channel([&](int, int t, V v) {
    const V difference = v - mean[t];
    scale[t] = V::fma(difference, difference, scale[t]);
  });
  TFSPARSE_UNROLL
  for (int t = 0; t < T; ++t) {
    const V variance = V::fma(scale[t], share, V::broadcast(a.epsilon));
    scale[t] = V::broadcast(1.0f) / V::sqrt(variance);
  }
  each_channel([&](int channel, int t, V v) {
    const V normal = (v - mean[t]) * scale[t];
    const V result = V::fma(normal, V::broadcast(a.gamma[channel]), V::broadcast(a.beta[channel]));
    Element* to = y + channel * a.y_stride + t * V::kLanes;
    T == 1 ? result.store(to, lanes) : result.store(to);
  });
}

void layer_norm(const LayerNormArgs& a) {
  constexpr int kAtOnce = 4;  // vectors; their sums hide the latency of additions
  constexpr int kLanes = FloatVec::kLanes;
  const Element* x = elements(a.x);
  Element* y = elements(a.y);
  int i = 0;
  for (; i + kAtOnce * kLanes <= a.n; i += kAtOnce * kLanes) {
    normalize_pixels<FloatVec, kAtOnce>(a, x + i, y + i, kLanes);
  }
  for (; i < a.n; i += kLanes) {
    normalize_pixels<FloatVec, 1>(a, x + i, y + i, smaller(kLanes, a.n - i));
  }
}

}  // namespace
}  // namespace tfsparse
