// The vector types of the instruction set that this file is compiled for, and arithmetic on them.
//
// A vector type V is a struct around a register with the members that simd/portable.h shows; every
// kernel is a template over it. All of it stands in an anonymous namespace: these headers are
// compiled several times with different flags, and a function with external linkage would let the
// linker hand AVX-512 code to a CPU without it.
#pragma once

#include <type_traits>

#include "delegate/kernels/kernels.h"

// A new instruction set: a header in simd/, a branch here, a file in isa/, its name in
// isa/select.cc and its flags in delegate/flags.bzl.
#if defined(__AVX512F__)
#include "delegate/kernels/simd/avx512.h"
#elif defined(__AVX2__)
#include "delegate/kernels/simd/avx2.h"
#endif
#if defined(TFSPARSE_NEON_FP16)
#include "delegate/kernels/simd/neon_fp16.h"
#elif defined(TFSPARSE_NEON)
#include "delegate/kernels/simd/neon.h"
#else
#include "delegate/kernels/simd/portable.h"
#endif

// TFSPARSE_SCALAR is for functions that g++ would put together from single lanes, which is slower.
#if defined(__clang__)
#define TFSPARSE_UNROLL _Pragma("clang loop unroll(full)")
#define TFSPARSE_NO_UNROLL _Pragma("clang loop unroll(disable)")
#define TFSPARSE_SCALAR
#else
#define TFSPARSE_UNROLL _Pragma("GCC unroll 64")
#define TFSPARSE_NO_UNROLL _Pragma("GCC unroll 1")
#define TFSPARSE_SCALAR __attribute__((noinline, optimize("no-tree-vectorize")))
#endif

// For members of types that must end up in registers.
#define TFSPARSE_INLINE inline __attribute__((always_inline))
#define TFSPARSE_INLINE_LAMBDA __attribute__((always_inline))

namespace tfsparse {
namespace {

#if defined(__AVX512F__)
using Vec = Vec16;
using NarrowVec = Vec8;  // for rows of up to 8 pixels: half the width at twice the rate
constexpr int kRegisters = 32;
#elif defined(__AVX2__)
using Vec = Vec8;
using NarrowVec = Vec8;
constexpr int kRegisters = 16;
#elif defined(TFSPARSE_NEON_FP16)
using Vec = Half8;
using NarrowVec = Half8;
constexpr int kRegisters = 32;
#elif defined(TFSPARSE_NEON)
using Vec = Vec4;
using NarrowVec = Vec4;
constexpr int kRegisters = 32;
#else
using Vec = Vec4;
using NarrowVec = Vec4;
constexpr int kRegisters = 16;
#endif

// What kernels compute with, and what the untyped pointers of their arguments point to.
#if defined(TFSPARSE_NEON_FP16)
using Element = float16_t;
#else
using Element = float;
#endif

inline const Element* elements(const void* p) { return static_cast<const Element*>(p); }
inline Element* elements(void* p) { return static_cast<Element*>(p); }

// What float16 is too short for is computed in float32, whatever elements are: long sums, and the
// inside of long functions. A vector of floats reads and writes elements of either type.
#if defined(TFSPARSE_NEON_FP16)
using FloatVec = Vec4;
using NarrowFloatVec = Vec4;
#else
using FloatVec = Vec;
using NarrowFloatVec = NarrowVec;
#endif

// f(v), computed in float32.
template <class V, class F>
V in_float32(V v, const F& f) {
#if defined(TFSPARSE_NEON_FP16)
  return V::narrow(f(v.low()), f(v.high()));
#else
  return f(v);
#endif
}

// The first `lanes` elements of p, then zeros.
template <class V, class T>
V load_first(const T* p, int lanes) {
  return V::load(p, V::window(0, lanes));
}

// p[0], p[2], p[4] ...
template <class V>
V load_even(const Element* p) {
  V even, odd;
  V::load_pairs(p, &even, &odd);
  return even;
}

// v, but compilers for arm64 do not know that.
template <class V, std::enable_if_t<!std::is_integral_v<V>, int> = 0>
TFSPARSE_INLINE V opaque(V v) {
#if defined(TFSPARSE_NEON) || defined(TFSPARSE_NEON_FP16)
  __asm__("" : "+w"(v.v));
#endif
  return v;
}

template <class T>
TFSPARSE_INLINE T* opaque(T* p) {
#if defined(TFSPARSE_NEON) || defined(TFSPARSE_NEON_FP16)
  __asm__("" : "+r"(p));
#endif
  return p;
}

template <class T, std::enable_if_t<std::is_integral_v<T>, int> = 0>
TFSPARSE_INLINE T opaque(T n) {
#if defined(TFSPARSE_NEON) || defined(TFSPARSE_NEON_FP16)
  __asm__("" : "+r"(n));
#endif
  return n;
}

// Both are in registers at the same time: one instruction can have loaded them.
template <class V>
TFSPARSE_INLINE void keep_both([[maybe_unused]] V& a, [[maybe_unused]] V& b) {
#if defined(TFSPARSE_NEON) || defined(TFSPARSE_NEON_FP16)
  __asm__("" : "+w"(a.v), "+w"(b.v));
#endif
}

// Instructions before this stay before those behind it, where g++ would order them otherwise.
TFSPARSE_INLINE void keep_order() {
#if defined(TFSPARSE_NEON) || defined(TFSPARSE_NEON_FP16)
  __asm__ volatile("");
#endif
}

// The same in another register.
template <class V>
TFSPARSE_INLINE V moved(V v) {
#if defined(TFSPARSE_NEON) || defined(TFSPARSE_NEON_FP16)
  V to;
  __asm__("mov %0.16b, %1.16b" : "=w"(to.v) : "w"(v.v));
  return to;
#else
  return v;
#endif
}

// N numbers that vectors are multiplied by, V::kFactors of them in a register.
template <class V, int N>
struct Factors {
  static constexpr int kWhole = N / V::kFactors, kLeft = N % V::kFactors;
  V v[kWhole + (kLeft > 0)];

  TFSPARSE_INLINE explicit Factors(const Element* p) {
    TFSPARSE_UNROLL
    for (int i = 0; i < kWhole; ++i) {
      v[i] = V::kFactors == 1 ? V::broadcast(p[i]) : V::load(p + i * V::kFactors);
    }
    if constexpr (kLeft == 1) v[kWhole] = V::broadcast(p[N - 1]);
    if constexpr (kLeft > 1) v[kWhole] = load_first<V>(p + N - kLeft, kLeft);
  }
  // x * number i + sum
  TFSPARSE_INLINE V fma(V x, int i, V sum) const {
    return V::fma(x, v[i / V::kFactors], i % V::kFactors, sum);
  }
  // The same for loops with many sums.
  TFSPARSE_INLINE V fma_in_place(V x, int i, V sum) const {
    return V::fma_in_place(x, v[i / V::kFactors], i % V::kFactors, sum);
  }
  // For the inside of a loop. Compilers for arm64 would else put each number in a register of its
  // own before the loop, which has none left for that.
  TFSPARSE_INLINE void stay_packed() {
    TFSPARSE_UNROLL
    for (V& numbers : v) numbers = opaque(numbers);
  }
};

// Calls f with each of the constants [I, N) until it returns false: a loop that is left halfway,
// all of whose indices compilers know.
template <int N, int I = 0, class F>
TFSPARSE_INLINE bool until_false(const F& f) {
  if constexpr (I < N) {
    return f(std::integral_constant<int, I>()) && until_false<N, I + 1>(f);
  } else {
    return true;
  }
}

// The same to the end.
template <int N, class F>
TFSPARSE_INLINE void for_constants(const F& f) {
  until_false<N>([&](auto constant) TFSPARSE_INLINE_LAMBDA {
    f(constant);
    return true;
  });
}

// Whether an epilogue clamps to a range with an end.
inline bool is_bounded(const Epilogue& e) { return e.lo != Epilogue().lo || e.hi != Epilogue().hi; }

template <class V>
V clamp(V v, V lo, V hi) {
  return V::min(hi, V::max(lo, v));  // in this order a NaN stays
}

// p + step, for one row after the other of an unrolled loop. Opaque, as compilers would else
// compute the pointers to all rows beforehand and spill them.
template <class T>
TFSPARSE_INLINE T* next_row(T* p, std::ptrdiff_t step) {
  return opaque(p + step);
}

// e^x = scale + scale * rest for |x| up to 87, with the rest as exact as the sum is not: for small
// x it is e^x - 1.
template <class V>
struct Exponential {
  V scale, rest;

  explicit Exponential(V x) {
    const V n = V::round(x * V::broadcast(1.44269504f));
    // log(2) in two parts, the first short enough for n * part to be exact without an FMA.
    V r = V::fma(n, V::broadcast(-0.693359375f), x);
    r = V::fma(n, V::broadcast(2.12194440e-4f), r);
    // Least relative error over |r| <= log(2) / 2, found by iteratively reweighted least squares.
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
  const Exponential<V> e(V::max(limit, x));  // in this order a NaN stays
  return V::if_less(x, limit, V::broadcast(0.0f), e.sum());
}

// e^x - 1 for x <= 0, relative error below 5e-7.
template <class V>
V expm1_nonpositive(V x) {
  const Exponential<V> e(V::max(V::broadcast(kLogOfLeastNormal), x));
  return V::fma(e.scale, e.rest, e.scale - V::broadcast(1.0f));
}

// e^x, relative error below 1e-6. By halves, so that all that is finite is within reach.
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
  // A finite bound: -inf times the sigmoid's 0 would be NaN.
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

// The standard normal distribution below -t for t >= 0, relative error below 1e-6 + 1e-7 t^2; 0
// where it would be subnormal.
template <class V>
V normal_tail(V t) {
  t = V::min(V::broadcast(14.0f), t);  // whose square is finite
  // It is e^(-t^2 / 2) times a polynomial of this, of least relative error over [0, 13.4], found by
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
  // A finite bound: -inf times 0 would be NaN.
  return V::max(V::broadcast(-__FLT_MAX__), x) *
         V::if_less(x, zero, tail, V::broadcast(1.0f) - tail);
}

// The same by a hyperbolic tangent: (1 + tanh(z)) / 2 is the sigmoid of 2 z.
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

// y[i] = epilogue(y[i]) and the residual[i], which may be null.
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

constexpr int smaller(int a, int b) { return a < b ? a : b; }
constexpr int larger(int a, int b) { return a > b ? a : b; }
constexpr int ceil_div(int a, int b) { return (a + b - 1) / b; }

}  // namespace
}  // namespace tfsparse
