// Sixteen quads in an AVX-512 register, multiplied by VPDPBUSD: unsigned activations by signed
// weights, which never saturates.
#pragma once

#include <immintrin.h>

#include <cstdint>
#include <cstring>

namespace tfsparse {
namespace int8 {
namespace {

struct Quads {
  static constexpr int kLanes = 16;
  static constexpr std::uint8_t kFlip = 128;
  static constexpr bool kFlipsWeights = false;
  __m512i v;

  static Quads load(const std::int8_t* p) { return {_mm512_loadu_si512(p)}; }
  static Quads load(const std::int8_t* p, int lanes) {
    return {_mm512_maskz_loadu_epi32(first(lanes), p)};
  }
  void store(std::int8_t* p) const { _mm512_storeu_si512(p, v); }
  void store(std::int8_t* p, int lanes) const { _mm512_mask_storeu_epi32(p, first(lanes), v); }

  static Quads gather(const std::int8_t* p, const std::int32_t* indices) {
    return {_mm512_i32gather_epi32(_mm512_loadu_si512(indices), p, 4)};
  }
  static Quads broadcast(const std::int8_t* p) {
    std::int32_t quad;
    std::memcpy(&quad, p, sizeof quad);
    return {_mm512_set1_epi32(quad)};
  }
  static Quads of_code(int code) { return {_mm512_set1_epi8(static_cast<char>(code ^ kFlip))}; }
  static Quads min(Quads a, Quads b) { return {_mm512_min_epu8(a.v, b.v)}; }
  static Quads max(Quads a, Quads b) { return {_mm512_max_epu8(a.v, b.v)}; }
  Quads transposed() const {
    const __m128i rows = _mm_setr_epi8(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
    return {_mm512_shuffle_epi8(v, _mm512_broadcast_i32x4(rows))};
  }
  Quads in_order() const {
    const __m512i order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
    return {_mm512_permutexvar_epi32(order, v)};
  }
  Quads in_pair_order() const {
    return {_mm512_permutexvar_epi64(_mm512_setr_epi64(0, 2, 4, 6, 1, 3, 5, 7), v)};
  }
  Quads flipped() const {
    return {_mm512_xor_si512(v, _mm512_set1_epi8(static_cast<char>(kFlip)))};
  }

 private:
  static __mmask16 first(int lanes) { return static_cast<__mmask16>((1u << lanes) - 1); }
};

inline Quads load_even(const std::int8_t* p, int lanes) {
  const Quads low = Quads::load(p), high = lanes > 8 ? Quads::load(p + 64) : low;
  const __m512i even = _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
  return {_mm512_permutex2var_epi32(low.v, even, high.v)};
}

template <int Count>
TFSPARSE_INLINE void zip(Quads r0, Quads r1, Quads r2, Quads r3, Quads* z) {
  const __m512i low01 = _mm512_unpacklo_epi8(r0.v, r1.v), low23 = _mm512_unpacklo_epi8(r2.v, r3.v);
  z[0] = {_mm512_unpacklo_epi16(low01, low23)};
  if constexpr (Count > 1) z[1] = {_mm512_unpackhi_epi16(low01, low23)};
  if constexpr (Count > 2) {
    const __m512i high01 = _mm512_unpackhi_epi8(r0.v, r1.v),
                  high23 = _mm512_unpackhi_epi8(r2.v, r3.v);
    z[2] = {_mm512_unpacklo_epi16(high01, high23)};
    z[3] = {_mm512_unpackhi_epi16(high01, high23)};
  }
}

inline void zip_rows(Quads r0, Quads r1, Quads* z) {
  const __m512i order = _mm512_setr_epi64(0, 4, 1, 5, 2, 6, 3, 7);
  const __m512i a = _mm512_permutexvar_epi64(order, r0.v);
  const __m512i b = _mm512_permutexvar_epi64(order, r1.v);
  z[0] = {_mm512_unpacklo_epi8(a, b)};
  z[1] = {_mm512_unpackhi_epi8(a, b)};
}

inline void zip_pairs(Quads upper, Quads lower, Quads* z) {
  z[0] = {_mm512_unpacklo_epi16(upper.v, lower.v)};
  z[1] = {_mm512_unpackhi_epi16(upper.v, lower.v)};
}

// What zip() returns, to p.
inline void store_zipped(Quads r0, Quads r1, Quads r2, Quads r3, std::int8_t* p) {
  Quads z[4];
  zip<4>(r0, r1, r2, r3, z);
  for (int i = 0; i < 4; ++i) z[i].store(p + i * Quads::kLanes * 4);
}

struct LaneWeights {
  __m512i v;

  static LaneWeights load_group(const std::int8_t* p) {
    return {_mm512_broadcast_i32x4(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)))};
  }
  static LaneWeights load(const std::int8_t* p) { return {_mm512_loadu_si512(p)}; }
};

struct Weights {
  static constexpr int kCount = 1;
  __m512i v;

  explicit Weights(const std::int8_t* p) {
    std::int32_t quad;
    std::memcpy(&quad, p, sizeof quad);
    v = _mm512_set1_epi32(quad);
  }
};

struct Ints {
  __m512i v;

  static Ints load(const std::int32_t* p) { return {_mm512_loadu_si512(p)}; }
  static Ints load_group(const std::int32_t* p) {
    return {_mm512_broadcast_i32x4(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)))};
  }
  static Ints broadcast(std::int32_t x) { return {_mm512_set1_epi32(x)}; }
  void store(std::int32_t* p) const { _mm512_storeu_si512(p, v); }
};

inline Ints interpolate(Ints a, Ints b, Ints weight) {
  const __m512i moved = _mm512_mullo_epi32(_mm512_sub_epi32(b.v, a.v), weight.v);
  const __m512i sum = _mm512_add_epi32(_mm512_slli_epi32(a.v, 10), moved);
  const __m512i half = _mm512_add_epi32(_mm512_set1_epi32(1 << 19), _mm512_srai_epi32(sum, 31));
  return {_mm512_srai_epi32(_mm512_add_epi32(sum, half), 20)};
}

struct Factor {
  __m512 v;

  static Factor broadcast(float x) { return {_mm512_set1_ps(x)}; }
  static Factor load(const float* p) { return {_mm512_loadu_ps(p)}; }
  static Factor load_group(const float* p) { return {_mm512_broadcast_f32x4(_mm_loadu_ps(p))}; }
  static Factor by_sign(Ints a, Factor positive, Factor negative) {
    return {_mm512_mask_blend_ps(_mm512_movepi32_mask(a.v), positive.v, negative.v)};
  }
  Ints scale(Ints a) const {
    return {_mm512_cvtps_epi32(_mm512_mul_ps(_mm512_cvtepi32_ps(a.v), v))};
  }
};

struct Sum {
  Ints v;

  static Sum of(Ints start) { return {start}; }
  template <int Lane>
  void add(Quads x, const Weights& w) {
    v.v = _mm512_dpbusd_epi32(v.v, x.v, w.v);
  }
  TFSPARSE_INLINE void add(Quads x, const LaneWeights& w) {
    v.v = _mm512_dpbusd_epi32(v.v, x.v, w.v);
  }
  Ints total() const { return v; }
};

struct Narrowing {
  static constexpr bool kHasShort = false;
  __m512i zero_point;

  static Narrowing of(int zero_point) {
    return {_mm512_set1_epi16(static_cast<short>(zero_point + Quads::kFlip))};
  }
  template <Narrow>
  Quads narrow(Ints a, Ints b, Ints c, Ints d) const {
    const __m512i left = _mm512_adds_epi16(_mm512_packs_epi32(a.v, b.v), zero_point);
    const __m512i right = _mm512_adds_epi16(_mm512_packs_epi32(c.v, d.v), zero_point);
    return {_mm512_packus_epi16(left, right)};
  }
};

// a * multiplier_a + b * multiplier_b of the codes of two tensors, see Add. With unsigned codes one
// instruction adds both products.
class WeightedSum {
 public:
  explicit WeightedSum(const Add& add)
      : multipliers_(_mm512_set1_epi32((static_cast<std::uint16_t>(add.multiplier_b) << 16) |
                                       static_cast<std::uint16_t>(add.multiplier_a))),
        start_(_mm512_set1_epi32(((1 << add.shift) >> 1) - (add.zero_a + 128) * add.multiplier_a -
                                 (add.zero_b + 128) * add.multiplier_b)),
        shift_(_mm_cvtsi32_si128(add.shift)) {}

  // Of every four quads, the numbers of the first in sums[0], of the next in sums[1] ...
  TFSPARSE_INLINE void of(Quads a, Quads b, Ints* sums) const {
    const __m512i flip = _mm512_set1_epi8(static_cast<char>(Quads::kFlip ^ 128));
    a.v = _mm512_xor_si512(a.v, flip);
    b.v = _mm512_xor_si512(b.v, flip);
    const __m512i zero = _mm512_setzero_si512();
    const __m512i low = _mm512_unpacklo_epi8(a.v, b.v), high = _mm512_unpackhi_epi8(a.v, b.v);
    sums[0] = sum(_mm512_unpacklo_epi8(low, zero));
    sums[1] = sum(_mm512_unpackhi_epi8(low, zero));
    sums[2] = sum(_mm512_unpacklo_epi8(high, zero));
    sums[3] = sum(_mm512_unpackhi_epi8(high, zero));
  }

 private:
  Ints sum(__m512i pairs) const {
    const __m512i products = _mm512_madd_epi16(pairs, multipliers_);
    return {_mm512_sra_epi32(_mm512_add_epi32(products, start_), shift_)};
  }

  __m512i multipliers_, start_;
  __m128i shift_;
};

class CodeProducts {
 public:
  CodeProducts(int zero_a, int zero_b)
      : zero_a_(_mm512_set1_epi16(static_cast<short>(zero_a + 128))),
        zero_b_(_mm512_set1_epi16(static_cast<short>(zero_b + 128))) {}

  TFSPARSE_INLINE void of(Quads a, Quads b, Ints* products) const {
    const __m512i flip = _mm512_set1_epi8(static_cast<char>(Quads::kFlip ^ 128));
    a.v = _mm512_xor_si512(a.v, flip);
    b.v = _mm512_xor_si512(b.v, flip);
    const __m512i zero = _mm512_setzero_si512();
    half(_mm512_unpacklo_epi8(a.v, zero), _mm512_unpacklo_epi8(b.v, zero), products);
    half(_mm512_unpackhi_epi8(a.v, zero), _mm512_unpackhi_epi8(b.v, zero), products + 2);
  }

 private:
  void half(__m512i a, __m512i b, Ints* products) const {
    a = _mm512_sub_epi16(a, zero_a_);
    b = _mm512_sub_epi16(b, zero_b_);
    const __m512i low = _mm512_mullo_epi16(a, b), high = _mm512_mulhi_epi16(a, b);
    products[0] = {_mm512_unpacklo_epi16(low, high)};
    products[1] = {_mm512_unpackhi_epi16(low, high)};
  }

  __m512i zero_a_, zero_b_;
};

struct Floats {
  __m512 v;

  static Floats load(const float* p) { return {_mm512_loadu_ps(p)}; }
  void store(float* p) const { _mm512_storeu_ps(p, v); }
  static Floats broadcast(float x) { return {_mm512_set1_ps(x)}; }

  static Floats of_codes(const std::int8_t* p, Ints zero, Factor factor) {
    const __m128i codes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
    const __m512i number = _mm512_sub_epi32(_mm512_cvtepi8_epi32(codes), zero.v);
    return {_mm512_mul_ps(_mm512_cvtepi32_ps(number), factor.v)};
  }
  Ints rounded(Factor factor, Floats lo, Floats hi) const {
    const __m512 scaled = _mm512_mul_ps(v, factor.v);
    const __m512 number =
        _mm512_maskz_mov_ps(_mm512_cmp_ps_mask(scaled, scaled, _CMP_ORD_Q), scaled);
    return {_mm512_cvtps_epi32(_mm512_min_ps(_mm512_max_ps(number, lo.v), hi.v))};
  }
};

// PSHUFB looks up 16 bytes, and returns 0 where an index is negative. For x from 0 to 127, table i
// is looked up at x - 16 * i: all tables up to that of x are found, so each is stored as the XOR
// with the one before, and the XOR of what is found is x's byte. The others' turn comes with x ^
// 128.
class ByteTable {
 public:
  explicit ByteTable(const std::int8_t* table) {
    const auto load = [table](int i) {
      return _mm_loadu_si128(reinterpret_cast<const __m128i*>(table) + i);
    };
    for (int i = 0; i < 16; ++i) {
      const __m128i differences = i % 8 ? _mm_xor_si128(load(i), load(i - 1)) : load(i);
      tables_[i] = _mm512_broadcast_i32x4(differences);
    }
  }

  void map(const std::int8_t* x, std::int8_t* y) const {
    const __m512i low = Quads::load(x).v;
    const __m512i high = _mm512_xor_si512(low, _mm512_set1_epi8(static_cast<char>(128)));
    Quads{_mm512_xor_si512(half(low, tables_), half(high, tables_ + 8))}.store(y);
  }

 private:
  TFSPARSE_INLINE static __m512i half(__m512i x, const __m512i* tables) {
    __m512i y = _mm512_shuffle_epi8(tables[0], x);
    TFSPARSE_UNROLL
    for (int i = 1; i < 8; ++i) {
      x = _mm512_subs_epi8(x, _mm512_set1_epi8(16));
      y = _mm512_xor_si512(y, _mm512_shuffle_epi8(tables[i], x));
    }
    return y;
  }

  __m512i tables_[16];
};

inline void spread_triples(const std::int8_t* x, std::int8_t* y) {
  const __m128i quads = _mm_setr_epi8(0, 1, 2, 2, 3, 4, 5, 5, 6, 7, 8, 8, 9, 10, 11, 11);
  const __m128i triples = _mm_loadu_si128(reinterpret_cast<const __m128i*>(x));
  const __m128i flip = _mm_set1_epi8(static_cast<char>(Quads::kFlip));
  _mm_storeu_si128(reinterpret_cast<__m128i*>(y),
                   _mm_xor_si128(_mm_shuffle_epi8(triples, quads), flip));
}

}  // namespace
}  // namespace int8
}  // namespace tfsparse
