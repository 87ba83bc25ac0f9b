// The Epilogue of a vector of results: activations, based on the exponential function, and
// clamping.
#pragma once

#include "delegate/kernels/simd.h"

namespace tfsparse {
namespace {

// Whether an epilogue clamps at all.
inline bool is_bounded(const Epilogue& e) { return e.lo != Epilogue().lo || e.hi != Epilogue().hi; }

template <class V>
V clamp(V v, V lo, V hi) {
  return V::min(hi, V::max(lo, v));  // this order keeps NaN
}

// e^x = scale + scale * rest for x from -87 to 88; above, scale may be infinity. `rest` is more
// exact than the sum; for small x it is e^x - 1.
template <class V>
struct Exponential {
  V scale, rest;

  explicit Exponential(V x) {
    const V n = V::round(x * V::broadcast(1.44269504f));
    // log(2) in two parts. The first is short, so n * part is exact without FMA.
    V r = V::fma(n, V::broadcast(-0.693359375f), x);
    r = V::fma(n, V::broadcast(2.12194440e-4f), r);
    // Minimal relative error over |r| <= log(2) / 2, by iteratively reweighted least squares.
    V p = V::broadcast(1.38146131e-3f);
    p = V::fma(p, r, V::broadcast(8.36870983e-3f));
    p = V::fma(p, r, V::broadcast(4.16683874e-2f));
    p = V::fma(p, r, V::broadcast(1.66665207e-1f));
    p = V::fma(p, r, V::broadcast(4.99999935e-1f));
    rest = V::fma(p, r * r, r);
    scale = V::exp2(n);
  }
  V sum() const { return (rest + V::broadcast(1.0f)) * scale; }
};

constexpr float kLogOfLeastNormal = -87.33654f;  // log(FLT_MIN)

// e^x for x <= 0, relative error below 3e-7; 0 where the result would be subnormal.
template <class V>
V exp_nonpositive(V x) {
  const V limit = V::broadcast(kLogOfLeastNormal);
  const Exponential<V> e(V::max(limit, x));  // this order keeps NaN
  return V::if_less(x, limit, V::broadcast(0.0f), e.sum());
}

// e^x - 1 for x <= 0, relative error below 5e-7.
template <class V>
V expm1_nonpositive(V x) {
  const Exponential<V> e(V::max(V::broadcast(kLogOfLeastNormal), x));
  return V::fma(e.scale, e.rest, e.scale - V::broadcast(1.0f));
}

// e^x, relative error below 1e-6. Computed from half of x, to reach all finite results.
template <class V>
V exp(V x) {
  const V half = clamp(x * V::broadcast(0.5f), V::broadcast(-80.0f), V::broadcast(80.0f));
  const V root = Exponential<V>(half).sum();
  return root * root;
}

// 1 + e^-x, infinity if x is below -88.4.
template <class V>
V one_plus_exp_negative(V x) {
  // The first n for which 2^n is infinity is 128, from x log2(e) = 127.5 on.
  const V least = V::broadcast(kLogOfLeastNormal), most = V::broadcast(88.5f);
  return Exponential<V>(clamp(V::broadcast(0.0f) - x, least, most)).sum() + V::broadcast(1.0f);
}

template <class V>
V sigmoid(V x) {
  return V::broadcast(1.0f) / one_plus_exp_negative(x);
}

template <class V>
V swish(V x) {
  // Finite bound: -inf divided by infinity would be NaN.
  return V::max(V::broadcast(-__FLT_MAX__), x) / one_plus_exp_negative(x);
}

template <class V>
V hard_swish(V x) {
  const V gate = clamp(x + V::broadcast(3.0f), V::broadcast(0.0f), V::broadcast(6.0f));
  return x * (gate * V::broadcast(1.0f / 6.0f));
}

template <class V>
V tanh(V x) {
  // With e = e^(-2|x|) - 1, tanh |x| is -e / (2 + e), as exact for small x as e is.
  const V zero = V::broadcast(0.0f);
  const V least = V::min(x, zero - x);
  const V e = expm1_nonpositive(least + least);
  const V t = e / (V::broadcast(2.0f) + e);
  return V::if_less(x, zero, t, zero - t);
}

// The error function. Absolute error below 5e-7.
template <class V>
V erf(V x) {
  // An odd function of rational form, by iteratively reweighted least squares over [-4, 4], scaled
  // to reach 1 at the ends in spite of rounding.
  const V z = clamp(x, V::broadcast(-4.0f), V::broadcast(4.0f)), u = z * z;
  V p = V::broadcast(1.94143922e-6f);
  p = V::fma(p, u, V::broadcast(2.9952536e-4f));
  p = V::fma(p, u, V::broadcast(4.38567111e-3f));
  p = V::fma(p, u, V::broadcast(5.4619275e-2f));
  p = V::fma(p, u, V::broadcast(2.0479627e-1f));
  p = V::fma(p, u, V::broadcast(1.12837827f));
  V q = V::broadcast(3.77476499e-5f);
  q = V::fma(q, u, V::broadcast(1.31521979e-3f));
  q = V::fma(q, u, V::broadcast(1.61927193e-2f));
  q = V::fma(q, u, V::broadcast(1.2003573e-1f));
  q = V::fma(q, u, V::broadcast(5.14820933e-1f));
  q = V::fma(q, u, V::broadcast(1.0f));
  return clamp(z * p / q, V::broadcast(-1.0f), V::broadcast(1.0f));
}

// x times the standard normal distribution below x. Absolute error below 3e-7, of large x relative.
template <class V>
V gelu(V x) {
  // Finite bound: -inf times 0 would be NaN.
  const V half = V::max(V::broadcast(-__FLT_MAX__), x) * V::broadcast(0.5f);
  return V::fma(half, erf(x * V::broadcast(0.707106781f)), half);
}

// The tanh approximation: (1 + tanh(z)) / 2 is the sigmoid of 2 z.
template <class V>
V gelu_tanh(V x) {
  const V slope = V::fma(x * x, V::broadcast(0.0713548163f), V::broadcast(1.59576912f));
  return V::max(V::broadcast(-__FLT_MAX__), x) * sigmoid(x * slope);
}

template <class V>
V elu(V x) {
  const V zero = V::broadcast(0.0f);
  return V::if_less(x, zero, expm1_nonpositive(V::min(zero, x)), x);
}

template <class V>
V leaky_relu(V x, V slope) {
  return V::if_less(x, V::broadcast(0.0f), x * slope, x);
}

// y[i] = clamp(activate(y[i])) for whole vectors, with residual[i] unless it is null.
template <class F>
__attribute__((noinline)) void finish_vectors(const Epilogue& epilogue, Element* y,
                                              const Element* residual, std::size_t n, F activate) {
  const Vec lo = Vec::broadcast(epilogue.lo), hi = Vec::broadcast(epilogue.hi);
  const bool clamps = is_bounded(epilogue);
  const bool adds_first = residual && epilogue.residual_first, adds_last = residual && !adds_first;
  for (std::size_t i = 0; i < n; i += Vec::kLanes) {
    Vec v = Vec::load(y + i);
    if (adds_first) v = v + Vec::load(residual + i);
    v = activate(v);
    if (clamps) v = clamp(v, lo, hi);
    if (adds_last) v = v + Vec::load(residual + i);
    v.store(y + i);
  }
}

// The same for any n. The last lanes share the loop, as activations are much code.
template <class F>
void finish_with(const Epilogue& epilogue, Element* y, const Element* residual, std::size_t n,
                 const F& activate) {
  const int lanes = static_cast<int>(n % Vec::kLanes);
  const std::size_t whole = n - lanes;
  finish_vectors(epilogue, y, residual, whole, activate);
  if (lanes == 0) return;
  Element last[Vec::kLanes];
  load_first<Vec>(y + whole, lanes).store(last);
  finish_vectors(epilogue, last, residual ? residual + whole : nullptr, Vec::kLanes, activate);
  Vec::load(last).store(y + whole, lanes);
}

// The same with the epilogue's activation. Chosen once: a choice for every vector would cost as
// much as some activations.
__attribute__((noinline)) void finish_run(const Epilogue& epilogue, Element* y,
                                          const Element* residual, std::size_t n) {
  const auto finish = [&](const auto& activate) {
    finish_with(epilogue, y, residual, n, activate);
  };
  const auto finish_in_float32 = [&](const auto& activate) {
    finish([&](Vec v) { return in_float32(v, activate); });
  };
  switch (epilogue.activation) {
    case Activation::kHardSwish:
      return finish([](Vec v) { return hard_swish(v); });
    case Activation::kSigmoid:
      return finish_in_float32([](auto x) { return sigmoid(x); });
    case Activation::kSwish:
      return finish_in_float32([](auto x) { return swish(x); });
    case Activation::kTanh:
      return finish_in_float32([](auto x) { return tanh(x); });
    case Activation::kElu:
      return finish_in_float32([](auto x) { return elu(x); });
    case Activation::kLeakyRelu: {
      const Vec slope = Vec::broadcast(epilogue.slope);
      return finish([slope](Vec v) { return leaky_relu(v, slope); });
    }
    case Activation::kGelu:
      return finish_in_float32([](auto x) { return gelu(x); });
    case Activation::kGeluTanh:
      return finish_in_float32([](auto x) { return gelu_tanh(x); });
    case Activation::kNone:
      return finish([](Vec v) { return v; });
  }
}

}  // namespace
}  // namespace tfsparse
