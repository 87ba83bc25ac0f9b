// Vector types and arithmetic for the instruction set that this file is compiled for.
//
// simd/portable.h shows the members of a vector type V, a struct around a register. Every kernel is
// a template over it. All of it is in an anonymous namespace, since these headers are compiled
// several times with different flags: with external linkage, the linker could pick AVX-512 code for
// a CPU without it.
#pragma once

#include <type_traits>

#include "delegate/kernels/kernels.h"

// To add an instruction set: a header in simd/, a branch here, a file in isa/, its name in
// isa/select.cc, its flags in delegate/flags.bzl.
#if defined(__AVX512F__)
#include "delegate/kernels/simd/avx512.h"
#elif defined(__AVX2__)
#include "delegate/kernels/simd/avx2.h"
#endif
#if defined(TFSPARSE_NEON_FP16)
#include "delegate/kernels/simd/neon_fp16.h"
#elif defined(TFSPARSE_NEON)
#include "delegate/kernels/simd/neon.h"
#elif defined(__wasm_simd128__)
#include "delegate/kernels/simd/wasm.h"
#else
#include "delegate/kernels/simd/portable.h"
#endif

// TFSPARSE_SCALAR: g++ would vectorise these functions from single lanes, which is slower.
#if defined(__clang__)
#define TFSPARSE_UNROLL _Pragma("clang loop unroll(full)")
#define TFSPARSE_NO_UNROLL _Pragma("clang loop unroll(disable)")
#define TFSPARSE_SCALAR
#else
#define TFSPARSE_UNROLL _Pragma("GCC unroll 64")
#define TFSPARSE_NO_UNROLL _Pragma("GCC unroll 1")
#define TFSPARSE_SCALAR __attribute__((noinline, optimize("no-tree-vectorize")))
#endif

// For members of types that must be kept in registers.
#define TFSPARSE_INLINE inline __attribute__((always_inline))
#define TFSPARSE_INLINE_LAMBDA __attribute__((always_inline))

namespace tfsparse {
namespace {

#if defined(__AVX512F__)
using Vec = Vec16;
using NarrowVec = Vec8;  // for rows of up to 8 pixels: half as wide, twice as fast
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

// The number type of the kernels, behind the untyped pointers of their arguments.
#if defined(TFSPARSE_NEON_FP16)
using Element = float16_t;
#else
using Element = float;
#endif

inline const Element* elements(const void* p) { return static_cast<const Element*>(p); }
inline Element* elements(void* p) { return static_cast<Element*>(p); }

// Long sums and long functions are computed in float32, whatever the element type. A vector of
// floats loads and stores either type.
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
  return V::in_order(even);
}

// Returns v, hidden from the optimiser of compilers for arm64.
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

// Keeps both in registers at the same time, so that one instruction can load them.
template <class V>
TFSPARSE_INLINE void keep_both([[maybe_unused]] V& a, [[maybe_unused]] V& b) {
#if defined(TFSPARSE_NEON) || defined(TFSPARSE_NEON_FP16)
  __asm__("" : "+w"(a.v), "+w"(b.v));
#endif
}

// Keeps g++ from moving instructions across this point.
TFSPARSE_INLINE void keep_order() {
#if defined(TFSPARSE_NEON) || defined(TFSPARSE_NEON_FP16)
  __asm__ volatile("");
#endif
}

// Copies to another register.
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

// N numbers that multiply vectors, V::kFactors per register.
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
  // For loops with many sums.
  TFSPARSE_INLINE V fma_in_place(V x, int i, V sum) const {
    return V::fma_in_place(x, v[i / V::kFactors], i % V::kFactors, sum);
  }
  // Call it inside a loop. Compilers for arm64 would otherwise move each number to a register of
  // its own before the loop and run out of registers.
  TFSPARSE_INLINE void stay_packed() {
    TFSPARSE_UNROLL
    for (V& numbers : v) numbers = opaque(numbers);
  }
};

// Calls f with each of the constants [I, N) until it returns false: an unrolled loop with an early
// exit.
template <int N, int I = 0, class F>
TFSPARSE_INLINE bool until_false(const F& f) {
  if constexpr (I < N) {
    return f(std::integral_constant<int, I>()) && until_false<N, I + 1>(f);
  } else {
    return true;
  }
}

// Calls f with all of them.
template <int N, class F>
TFSPARSE_INLINE void for_constants(const F& f) {
  until_false<N>([&](auto constant) TFSPARSE_INLINE_LAMBDA {
    f(constant);
    return true;
  });
}

// p + step, for the rows of an unrolled loop. Opaque: compilers would compute the pointers to all
// rows in advance and spill them.
template <class T>
TFSPARSE_INLINE T* next_row(T* p, std::ptrdiff_t step) {
  return opaque(p + step);
}

constexpr int smaller(int a, int b) { return a < b ? a : b; }
constexpr int larger(int a, int b) { return a > b ? a : b; }
constexpr int ceil_div(int a, int b) { return (a + b - 1) / b; }

}  // namespace
}  // namespace tfsparse
