// Sums of products of numbers that are stored together with numbers that are not.
#pragma once

#include <cstdint>

#include "delegate/kernels/simd.h"

namespace tfsparse {
namespace {

// Adds four products at a time. Gather instructions are not faster on AMD's cores, and much slower
// on Intel's with the Downfall patch.
#if defined(__AVX2__)
template <class Offset>
struct GatheredDot {
  __m128 sums = _mm_setzero_ps();

  TFSPARSE_INLINE void add(const float* values, const float* x, const Offset* offsets) {
    __m128 in = _mm_load_ss(x + offsets[0]);
    in = _mm_insert_ps(in, _mm_load_ss(x + offsets[1]), 0x10);
    in = _mm_insert_ps(in, _mm_load_ss(x + offsets[2]), 0x20);
    in = _mm_insert_ps(in, _mm_load_ss(x + offsets[3]), 0x30);
    sums = _mm_fmadd_ps(_mm_loadu_ps(values), in, sums);
  }
  TFSPARSE_INLINE float total(const GatheredDot& other) const {
    __m128 s = _mm_add_ps(sums, other.sums);
    s = _mm_add_ps(s, _mm_movehl_ps(s, s));
    return _mm_cvtss_f32(_mm_add_ss(s, _mm_movehdup_ps(s)));
  }
};
#else
template <class Offset>
struct GatheredDot {
  float a = 0, b = 0, c = 0, d = 0;

  TFSPARSE_INLINE void add(const Element* values, const Element* x, const Offset* offsets) {
    a += values[0] * x[offsets[0]];
    b += values[1] * x[offsets[1]];
    c += values[2] * x[offsets[2]];
    d += values[3] * x[offsets[3]];
  }
  TFSPARSE_INLINE float total(const GatheredDot& other) const {
    return (a + b) + (c + d) + ((other.a + other.b) + (other.c + other.d));
  }
};
#endif

}  // namespace
}  // namespace tfsparse
