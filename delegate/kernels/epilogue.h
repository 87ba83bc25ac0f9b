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

// e^x = scale + scale * rest for |x| up to 87. `rest` is more exact than the sum; for small x it is
// e^x - 1.
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

template <class V>
V sigmoid(V x) {
  const V zero = V::broadcast(0.0f);
  const V one = V::broadcast(1.0f);
  const V e = exp_nonpositive(V::min(x, zero - x));  // of -|x|, which cannot overflow
  return V::if_less(x, zero, e, one) / (one + e);
}

template <class V>
V swish(V x) {
  // Finite bound: -inf times 0 would be NaN.
  return V::max(V::broadcast(-__FLT_MAX__), x) * sigmoid(x);
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

// The standard normal distribution below -t for t >= 0. Relative error below 1e-6 + 1e-7 t^2; 0 for
// subnormal results.
template <class V>
V normal_tail(V t) {
  t = V::min(V::broadcast(14.0f), t);  // its square must be finite
  // e^(-t^2 / 2) times a polynomial of u, with minimal relative error over [0, 13.4], by
  // iteratively reweighted least squares.
  const V u = V::broadcast(1.0f) / V::fma(t, V::broadcast(0.3f), V::broadcast(1.0f));
  V p = V::broadcast(3.59852089e-02f);
  p = V::fma(p, u, V::broadcast(-1.58499939e-01f));
  p = V::fma(p, u, V::broadcast(2.08594690e-01f));
  p = V::fma(p, u, V::broadcast(-5.57534048e-02f));
  p = V::fma(p, u, V::broadcast(1.29660885e-01f));
  p = V::fma(p, u, V::broadcast(9.95788853e-02f));
  p = V::fma(p, u, V::broadcast(1.20807847e-01f));
  p = V::fma(p, u, V::broadcast(1.19625763e-01f));
  return p * u * exp_nonpositive(t * t * V::broadcast(-0.5f));
}

// x times the standard normal distribution below x.
template <class V>
V gelu(V x) {
  const V zero = V::broadcast(0.0f);
  const V tail = normal_tail(V::max(x, zero - x));
  // Finite bound: -inf times 0 would be NaN.
  return V::max(V::broadcast(-__FLT_MAX__), x) *
         V::if_less(x, zero, tail, V::broadcast(1.0f) - tail);
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

template <class V>
V activate(const Epilogue& epilogue, V v) {
  switch (epilogue.activation) {
    case Activation::kHardSwish:
      return hard_swish(v);
    case Activation::kSigmoid:
      return in_float32(v, [](auto x) { return sigmoid(x); });
    case Activation::kSwish:
      return in_float32(v, [](auto x) { return swish(x); });
    case Activation::kTanh:
      return in_float32(v, [](auto x) { return tanh(x); });
    case Activation::kElu:
      return in_float32(v, [](auto x) { return elu(x); });
    case Activation::kLeakyRelu:
      return leaky_relu(v, V::broadcast(epilogue.slope));
    case Activation::kGelu:
      return in_float32(v, [](auto x) { return gelu(x); });
    case Activation::kGeluTanh:
      return in_float32(v, [](auto x) { return gelu_tanh(x); });
    case Activation::kNone:
      break;
  }
  return v;
}

template <class V>
V apply(const Epilogue& epilogue, V v) {
  v = activate(epilogue, v);
  return clamp(v, V::broadcast(epilogue.lo), V::broadcast(epilogue.hi));
}

// y[i] = epilogue(y[i]), with residual[i] unless it is null.
__attribute__((noinline)) void finish_run(const Epilogue& epilogue, Element* y,
                                          const Element* residual, std::size_t n) {
  for (std::size_t i = 0; i < n; i += Vec::kLanes) {
    const int lanes = n - i < Vec::kLanes ? static_cast<int>(n - i) : Vec::kLanes;
    Vec v = load_first<Vec>(y + i, lanes);
    if (residual && epilogue.residual_first) v = v + Vec::load(residual + i);
    v = apply(epilogue, v);
    if (residual && !epilogue.residual_first) v = v + Vec::load(residual + i);
    v.store(y + i, lanes);
  }
}

}  // namespace
}  // namespace tfsparse
