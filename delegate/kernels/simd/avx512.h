// Sixteen floats in an AVX-512 register.
#pragma once

// g++ 12 warns of its own header: gcc.gnu.org/bugzilla/show_bug.cgi?id=105593.
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#include <immintrin.h>
#pragma GCC diagnostic pop
#else
#include <immintrin.h>
#endif

#include "delegate/kernels/simd/avx2.h"

namespace tfsparse {
namespace {

struct Vec16 {
  static constexpr int kLanes = 16;
  static constexpr bool kWidensHalf = true;
  static constexpr bool kFastMasks = true;
  static constexpr bool kFreeMasks = true;
  static constexpr int kFactors = 1;
  static constexpr bool kLoadsFour = false;
  using Mask = __mmask16;
  using Edge = Mask;
  struct Lanes {
    __m512i v;
  };
  __m512 v;

  static Vec16 broadcast(float x) { return {_mm512_set1_ps(x)}; }
  static Vec16 load(const float* p) { return {_mm512_loadu_ps(p)}; }
  // Converts as many float16 numbers.
  static Vec16 widen(const std::uint16_t* p) {
    return {_mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)))};
  }
  // The first lanes of an equal or wider vector.
  static Vec16 first_of(Vec16 a) { return a; }
  // The lanes [first, last). Both bounds may be outside the vector.
  static Mask window(int first, int last) { return static_cast<Mask>(below(last) & ~below(first)); }
  // Loads the lanes of the window. The others are 0 and their memory is not accessed.
  static Vec16 load(const float* p, Mask lanes) { return {_mm512_maskz_loadu_ps(lanes, p)}; }
  // The same with the other lanes from `rest`.
  static Vec16 load(const float* p, Mask lanes, Vec16 rest) {
    return {_mm512_mask_loadu_ps(rest.v, lanes, p)};
  }
  static Edge edge(int first, int last) { return window(first, last); }
  // A permutation: lane i takes lane min(indices[i] - first, last), modulo the width.
  static Lanes lanes_at(const std::int32_t* indices, int first, int last) {
    const __m512i lanes = _mm512_sub_epi32(_mm512_loadu_si512(indices), _mm512_set1_epi32(first));
    return {_mm512_min_epi32(lanes, _mm512_set1_epi32(last))};
  }
  static Vec16 permute(Vec16 a, Lanes lanes) { return {_mm512_permutexvar_ps(lanes.v, a.v)}; }
  // The lanes 0, 2, 4 ... or 1, 3, 5 ... of a followed by b.
  static Vec16 even(Vec16 a, Vec16 b) {
    const __m512i index =
        _mm512_set_epi32(30, 28, 26, 24, 22, 20, 18, 16, 14, 12, 10, 8, 6, 4, 2, 0);
    return {_mm512_permutex2var_ps(a.v, index, b.v)};
  }
  static Vec16 odd(Vec16 a, Vec16 b) {
    const __m512i index =
        _mm512_set_epi32(31, 29, 27, 25, 23, 21, 19, 17, 15, 13, 11, 9, 7, 5, 3, 1);
    return {_mm512_permutex2var_ps(a.v, index, b.v)};
  }
  static Vec16 in_order(Vec16 a) { return a; }
  // The same for the two vectors at p.
  static void load_pairs(const float* p, Vec16* first, Vec16* second) {
    const Vec16 a = load(p), b = load(p + kLanes);
    *first = even(a, b);
    *second = odd(a, b);
  }
  void store(float* p) const { _mm512_storeu_ps(p, v); }
  void store(float* p, int lanes) const { _mm512_mask_storeu_ps(p, window(0, lanes), v); }

  // a * factor + c
  static Vec16 fma(Vec16 a, Vec16 factor, int, Vec16 c) { return fma(a, factor, c); }
  static Vec16 fma(Vec16 a, Vec16 b, Vec16 c) { return {_mm512_fmadd_ps(a.v, b.v, c.v)}; }
  static Vec16 min(Vec16 a, Vec16 b) { return {_mm512_min_ps(a.v, b.v)}; }
  static Vec16 max(Vec16 a, Vec16 b) { return {_mm512_max_ps(a.v, b.v)}; }
  // The maximum, or b if a is NaN.
  static Vec16 max_number(Vec16 a, Vec16 b) { return max(a, b); }
  // a < b ? yes : no
  static Vec16 if_less(Vec16 a, Vec16 b, Vec16 yes, Vec16 no) {
    return {_mm512_mask_blend_ps(_mm512_cmp_ps_mask(a.v, b.v, _CMP_LT_OQ), no.v, yes.v)};
  }
  static Vec16 round(Vec16 a) { return {_mm512_roundscale_ps(a.v, _MM_FROUND_TO_NEAREST_INT)}; }
  static Vec16 sqrt(Vec16 a) { return {_mm512_sqrt_ps(a.v)}; }
  // 2 to the power of the integer n in [-126, 127]; infinity for 128.
  static Vec16 exp2(Vec16 n) { return {_mm512_scalef_ps(_mm512_set1_ps(1.0f), n.v)}; }
  float sum() const { return _mm512_reduce_add_ps(v); }
  float largest() const { return _mm512_reduce_max_ps(v); }

  friend Vec16 operator+(Vec16 a, Vec16 b) { return {_mm512_add_ps(a.v, b.v)}; }
  friend Vec16 operator-(Vec16 a, Vec16 b) { return {_mm512_sub_ps(a.v, b.v)}; }
  friend Vec16 operator*(Vec16 a, Vec16 b) { return {_mm512_mul_ps(a.v, b.v)}; }
  friend Vec16 operator/(Vec16 a, Vec16 b) { return {_mm512_div_ps(a.v, b.v)}; }

 private:
  static unsigned below(int lane) {
    return (1u << (lane < 0 ? 0 : lane > kLanes ? kLanes : lane)) - 1;
  }
};

Vec8 Vec8::first_of(Vec16 a) { return {_mm512_castps512_ps256(a.v)}; }

}  // namespace
}  // namespace tfsparse
