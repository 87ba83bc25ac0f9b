// Eight floats in an AVX register. AVX2, FMA and F16C are required.
#pragma once

#include <immintrin.h>

#include <cstdint>

namespace tfsparse {
namespace {

#if defined(__AVX512F__)
struct Vec16;
#endif

struct Vec8 {
  static constexpr int kLanes = 8;
  static constexpr bool kWidensHalf = true;
  static constexpr bool kFastMasks = true;
  static constexpr bool kFreeMasks = true;
  static constexpr int kFactors = 1;
  static constexpr bool kLoadsFour = true;
#if defined(__AVX512VL__)
  using Mask = __mmask8;
#else
  using Mask = __m256i;
#endif
  using Edge = Mask;
  struct Lanes {
    __m256i v;
  };
  __m256 v;

  static Vec8 broadcast(float x) { return {_mm256_set1_ps(x)}; }
  static Vec8 load(const float* p) { return {_mm256_loadu_ps(p)}; }
  // The four numbers at p, twice.
  static Vec8 load_four(const float* p) {
    return {_mm256_broadcast_ps(reinterpret_cast<const __m128*>(p))};
  }
  // Number I of those, in all lanes.
  template <int I>
  static Vec8 one_of_four(Vec8 a) {
    return {_mm256_permute_ps(a.v, 0x55 * I)};
  }
  // Converts as many float16 numbers.
  static Vec8 widen(const std::uint16_t* p) {
    return {_mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)))};
  }
  // The first lanes of an equal or wider vector.
  static Vec8 first_of(Vec8 a) { return a; }
#if defined(__AVX512F__)
  static inline Vec8 first_of(Vec16 a);
#endif
  // The lanes [first, last). Both bounds may be outside the vector.
#if defined(__AVX512VL__)
  static Mask window(int first, int last) { return static_cast<Mask>(below(last) & ~below(first)); }
  // Loads the lanes of the window. The others are 0 and their memory is not accessed.
  static Vec8 load(const float* p, Mask lanes) { return {_mm256_maskz_loadu_ps(lanes, p)}; }
  // The same with the other lanes from `rest`.
  static Vec8 load(const float* p, Mask lanes, Vec8 rest) {
    return {_mm256_mask_loadu_ps(rest.v, lanes, p)};
  }
  void store(float* p, int lanes) const { _mm256_mask_storeu_ps(p, window(0, lanes), v); }
#else
  static Mask window(int first, int last) {
    const __m256i lane = _mm256_set_epi32(7, 6, 5, 4, 3, 2, 1, 0);
    const __m256i before = _mm256_cmpgt_epi32(_mm256_set1_epi32(first), lane);
    return _mm256_andnot_si256(before, _mm256_cmpgt_epi32(_mm256_set1_epi32(last), lane));
  }
  // Loads the lanes of the window. The others are 0 and their memory is not accessed.
  static Vec8 load(const float* p, Mask lanes) { return {_mm256_maskload_ps(p, lanes)}; }
  // The same with the other lanes from `rest`.
  static Vec8 load(const float* p, Mask lanes, Vec8 rest) {
    return {_mm256_blendv_ps(rest.v, load(p, lanes).v, _mm256_castsi256_ps(lanes))};
  }
  // Narrow stores: a masked store is microcode on many AMD cores.
  void store(float* p, int lanes) const {
    if (lanes >= kLanes) return store(p);
    __m128 part = _mm256_castps256_ps128(v);
    if (lanes & 4) {
      _mm_storeu_ps(p, part);
      part = _mm256_extractf128_ps(v, 1);
      p += 4;
    }
    if (lanes & 2) {
      _mm_storel_pi(reinterpret_cast<__m64*>(p), part);
      part = _mm_movehl_ps(part, part);
      p += 2;
    }
    if (lanes & 1) _mm_store_ss(p, part);
  }
#endif
  static Edge edge(int first, int last) { return window(first, last); }
  // A permutation: lane i takes lane min(indices[i] - first, last), modulo the width.
  static Lanes lanes_at(const std::int32_t* indices, int first, int last) {
    const __m256i at = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(indices));
    const __m256i lanes = _mm256_sub_epi32(at, _mm256_set1_epi32(first));
    return {_mm256_min_epi32(lanes, _mm256_set1_epi32(last))};
  }
  static Vec8 permute(Vec8 a, Lanes lanes) { return {_mm256_permutevar8x32_ps(a.v, lanes.v)}; }
  // The lanes 0, 2, 4 ... or 1, 3, 5 ... of a followed by b, in the order that in_order() restores.
  static Vec8 even(Vec8 a, Vec8 b) { return {_mm256_shuffle_ps(a.v, b.v, 0x88)}; }
  static Vec8 odd(Vec8 a, Vec8 b) { return {_mm256_shuffle_ps(a.v, b.v, 0xDD)}; }
  static Vec8 in_order(Vec8 a) {
    return {_mm256_castpd_ps(_mm256_permute4x64_pd(_mm256_castps_pd(a.v), 0xD8))};
  }
  // The same for the two vectors at p.
  static void load_pairs(const float* p, Vec8* first, Vec8* second) {
    const Vec8 a = load(p), b = load(p + kLanes);
    *first = even(a, b);
    *second = odd(a, b);
  }
  void store(float* p) const { _mm256_storeu_ps(p, v); }
  // a * factor + c
  static Vec8 fma(Vec8 a, Vec8 factor, int, Vec8 c) { return fma(a, factor, c); }
  static Vec8 fma_in_place(Vec8 a, Vec8 factor, int, Vec8 c) { return fma(a, factor, c); }
  static Vec8 fma(Vec8 a, Vec8 b, Vec8 c) { return {_mm256_fmadd_ps(a.v, b.v, c.v)}; }
  static Vec8 min(Vec8 a, Vec8 b) { return {_mm256_min_ps(a.v, b.v)}; }
  static Vec8 max(Vec8 a, Vec8 b) { return {_mm256_max_ps(a.v, b.v)}; }
  // The maximum, or b if a is NaN.
  static Vec8 max_number(Vec8 a, Vec8 b) { return max(a, b); }
  // a < b ? yes : no
  static Vec8 if_less(Vec8 a, Vec8 b, Vec8 yes, Vec8 no) {
    return {_mm256_blendv_ps(no.v, yes.v, _mm256_cmp_ps(a.v, b.v, _CMP_LT_OQ))};
  }
  static Vec8 round(Vec8 a) {
    return {_mm256_round_ps(a.v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC)};
  }
  static Vec8 sqrt(Vec8 a) { return {_mm256_sqrt_ps(a.v)}; }
  // 2 to the power of the integer n in [-126, 127]; infinity for 128.
  static Vec8 exp2(Vec8 n) {
    const __m256i exponent = _mm256_add_epi32(_mm256_cvtps_epi32(n.v), _mm256_set1_epi32(127));
    return {_mm256_castsi256_ps(_mm256_slli_epi32(exponent, 23))};
  }
  float sum() const {
    __m128 s = _mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
    s = _mm_add_ps(s, _mm_movehl_ps(s, s));
    return _mm_cvtss_f32(_mm_add_ss(s, _mm_movehdup_ps(s)));
  }
  float largest() const {
    __m128 m = _mm_max_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
    m = _mm_max_ps(m, _mm_movehl_ps(m, m));
    return _mm_cvtss_f32(_mm_max_ss(m, _mm_movehdup_ps(m)));
  }

  friend Vec8 operator+(Vec8 a, Vec8 b) { return {_mm256_add_ps(a.v, b.v)}; }
  friend Vec8 operator-(Vec8 a, Vec8 b) { return {_mm256_sub_ps(a.v, b.v)}; }
  friend Vec8 operator*(Vec8 a, Vec8 b) { return {_mm256_mul_ps(a.v, b.v)}; }
  friend Vec8 operator/(Vec8 a, Vec8 b) { return {_mm256_div_ps(a.v, b.v)}; }

 private:
  static unsigned below(int lane) {
    return (1u << (lane < 0 ? 0 : lane > kLanes ? kLanes : lane)) - 1;
  }
};

}  // namespace
}  // namespace tfsparse
