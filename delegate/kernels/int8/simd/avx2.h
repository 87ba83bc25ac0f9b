// Eight quads in an AVX register. With AVX-VNNI they are multiplied by VPDPBUSD as in
// avx512_vnni.h. Without, PMADDUBSW adds two products of unsigned by signed bytes in 16 bits, where
// 255 * (127 + 127) would saturate. So the weights' absolute values are what is unsigned:
// 127 * (128 + 128) fits. A negative weight w is multiplied as -w times -1 - x, which, unlike -x,
// is a byte for every x, and is one XOR; it makes the sum too small by -w, which the bias has in
// it (flips_weights).
#pragma once

#include <immintrin.h>

#include <cstdint>
#include <cstring>

namespace tfsparse {
namespace int8 {
namespace {

#if defined(__AVXVNNI__)
constexpr bool kVnni = true;
#else
constexpr bool kVnni = false;
#endif

struct Quads {
  static constexpr int kLanes = 8;
  static constexpr std::uint8_t kFlip = kVnni ? 128 : 0;
  static constexpr bool kFlipsWeights = !kVnni;
  __m256i v;

  static Quads load(const std::int8_t* p) {
    return {_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p))};
  }
  static Quads load(const std::int8_t* p, int lanes) {
    return {_mm256_maskload_epi32(reinterpret_cast<const int*>(p), first(lanes))};
  }
  void store(std::int8_t* p) const { _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), v); }
  void store(std::int8_t* p, int lanes) const {
    if (lanes == kLanes) return store(p);  // the masked store is a slow one
    _mm256_maskstore_epi32(reinterpret_cast<int*>(p), first(lanes), v);
  }

  static Quads gather(const std::int8_t* p, const std::int32_t* indices) {
    const __m256i lanes = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(indices));
    return {_mm256_i32gather_epi32(reinterpret_cast<const int*>(p), lanes, 4)};
  }
  static Quads broadcast(const std::int8_t* p) {
    std::int32_t quad;
    std::memcpy(&quad, p, sizeof quad);
    return {_mm256_set1_epi32(quad)};
  }
  static Quads of_code(int code) { return {_mm256_set1_epi8(static_cast<char>(code ^ kFlip))}; }
  static Quads min(Quads a, Quads b) {
    return {kFlip ? _mm256_min_epu8(a.v, b.v) : _mm256_min_epi8(a.v, b.v)};
  }
  static Quads max(Quads a, Quads b) {
    return {kFlip ? _mm256_max_epu8(a.v, b.v) : _mm256_max_epi8(a.v, b.v)};
  }
  Quads transposed() const {
    const __m128i rows = _mm_setr_epi8(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
    return {_mm256_shuffle_epi8(v, _mm256_broadcastsi128_si256(rows))};
  }
  Quads in_order() const {
    return {_mm256_permutevar8x32_epi32(v, _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7))};
  }
  Quads in_pair_order() const { return {_mm256_permute4x64_epi64(v, 0xd8)}; }
  Quads flipped() const {
    return {_mm256_xor_si256(v, _mm256_set1_epi8(static_cast<char>(kFlip)))};
  }

 private:
  static __m256i first(int lanes) {
    const __m256i indices = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    return _mm256_cmpgt_epi32(_mm256_set1_epi32(lanes), indices);
  }
};

inline Quads load_even(const std::int8_t* p, int) {
  const __m256 a = _mm256_castsi256_ps(Quads::load(p).v);
  const __m256 b = _mm256_castsi256_ps(Quads::load(p + 32).v);
  const __m256i even = _mm256_castps_si256(_mm256_shuffle_ps(a, b, 0x88));
  return {_mm256_permute4x64_epi64(even, 0xd8)};
}

template <int Count>
TFSPARSE_INLINE void zip(Quads r0, Quads r1, Quads r2, Quads r3, Quads* z) {
  const __m256i low01 = _mm256_unpacklo_epi8(r0.v, r1.v), low23 = _mm256_unpacklo_epi8(r2.v, r3.v);
  z[0] = {_mm256_unpacklo_epi16(low01, low23)};
  if constexpr (Count > 1) z[1] = {_mm256_unpackhi_epi16(low01, low23)};
  if constexpr (Count > 2) {
    const __m256i high01 = _mm256_unpackhi_epi8(r0.v, r1.v),
                  high23 = _mm256_unpackhi_epi8(r2.v, r3.v);
    z[2] = {_mm256_unpacklo_epi16(high01, high23)};
    z[3] = {_mm256_unpackhi_epi16(high01, high23)};
  }
}

inline void zip_rows(Quads r0, Quads r1, Quads* z) {
  const __m256i a = _mm256_permute4x64_epi64(r0.v, 0xd8), b = _mm256_permute4x64_epi64(r1.v, 0xd8);
  z[0] = {_mm256_unpacklo_epi8(a, b)};
  z[1] = {_mm256_unpackhi_epi8(a, b)};
}

inline void zip_pairs(Quads upper, Quads lower, Quads* z) {
  z[0] = {_mm256_unpacklo_epi16(upper.v, lower.v)};
  z[1] = {_mm256_unpackhi_epi16(upper.v, lower.v)};
}

// What zip() returns, to p.
inline void store_zipped(Quads r0, Quads r1, Quads r2, Quads r3, std::int8_t* p) {
  Quads z[4];
  zip<4>(r0, r1, r2, r3, z);
  for (int i = 0; i < 4; ++i) z[i].store(p + i * Quads::kLanes * 4);
}

// What activations are multiplied by.
struct Operand {
#if defined(__AVXVNNI__)
  __m256i v;

  explicit Operand(__m256i weights) : v(weights) {}
#else
  __m256i absolute, signs;  // a byte of signs is 0 or -1

  explicit Operand(__m256i weights)
      : absolute(_mm256_abs_epi8(weights)),
        signs(_mm256_cmpgt_epi8(_mm256_setzero_si256(), weights)) {}
#endif
};

struct Weights : Operand {
  static constexpr int kCount = 1;

  explicit Weights(const std::int8_t* p) : Operand(Quads::broadcast(p).v) {}
};

struct LaneWeights : Operand {
  using Operand::Operand;

  static LaneWeights load_group(const std::int8_t* p) {
    return LaneWeights(
        _mm256_broadcastsi128_si256(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p))));
  }
  static LaneWeights load(const std::int8_t* p) { return LaneWeights(Quads::load(p).v); }
};

struct Ints {
  __m256i v;

  static Ints load(const std::int32_t* p) {
    return {_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p))};
  }
  static Ints load_group(const std::int32_t* p) {
    return {_mm256_broadcastsi128_si256(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)))};
  }
  static Ints broadcast(std::int32_t x) { return {_mm256_set1_epi32(x)}; }
  void store(std::int32_t* p) const { _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), v); }
};

inline Ints interpolate(Ints a, Ints b, Ints weight) {
  const __m256i moved = _mm256_mullo_epi32(_mm256_sub_epi32(b.v, a.v), weight.v);
  const __m256i sum = _mm256_add_epi32(_mm256_slli_epi32(a.v, 10), moved);
  const __m256i half = _mm256_add_epi32(_mm256_set1_epi32(1 << 19), _mm256_srai_epi32(sum, 31));
  return {_mm256_srai_epi32(_mm256_add_epi32(sum, half), 20)};
}

struct Factor {
  __m256 v;

  static Factor broadcast(float x) { return {_mm256_set1_ps(x)}; }
  static Factor load(const float* p) { return {_mm256_loadu_ps(p)}; }
  static Factor load_group(const float* p) {
    return {_mm256_broadcast_ps(reinterpret_cast<const __m128*>(p))};
  }
  static Factor by_sign(Ints a, Factor positive, Factor negative) {
    return {_mm256_blendv_ps(positive.v, negative.v, _mm256_castsi256_ps(a.v))};
  }
  Ints scale(Ints a) const {
    return {_mm256_cvtps_epi32(_mm256_mul_ps(_mm256_cvtepi32_ps(a.v), v))};
  }
};

struct Sum {
  Ints v;

  static Sum of(Ints start) { return {start}; }
  template <int Lane>
  TFSPARSE_INLINE void add(Quads x, const Operand& w) {
    add(x, w);
  }
  TFSPARSE_INLINE void add(Quads x, const Operand& w) {
#if defined(__AVXVNNI__)
    v.v = _mm256_dpbusd_avx_epi32(v.v, x.v, w.v);
#else
    const __m256i pairs = _mm256_maddubs_epi16(w.absolute, _mm256_xor_si256(x.v, w.signs));
    v.v = _mm256_add_epi32(v.v, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)));
#endif
  }
  Ints total() const { return v; }
};

struct Narrowing {
  static constexpr bool kHasShort = false;
  __m256i zero_point;

  static Narrowing of(int zero_point) {
    return {_mm256_set1_epi16(static_cast<short>(zero_point + Quads::kFlip))};
  }
  template <Narrow>
  Quads narrow(Ints a, Ints b, Ints c, Ints d) const {
    const __m256i left = _mm256_adds_epi16(_mm256_packs_epi32(a.v, b.v), zero_point);
    const __m256i right = _mm256_adds_epi16(_mm256_packs_epi32(c.v, d.v), zero_point);
    return {Quads::kFlip ? _mm256_packus_epi16(left, right) : _mm256_packs_epi16(left, right)};
  }
};

// a * multiplier_a + b * multiplier_b of the codes of two tensors, see Add. With unsigned codes one
// instruction adds both products.
class WeightedSum {
 public:
  explicit WeightedSum(const Add& add)
      : multipliers_(_mm256_set1_epi32((static_cast<std::uint16_t>(add.multiplier_b) << 16) |
                                       static_cast<std::uint16_t>(add.multiplier_a))),
        start_(_mm256_set1_epi32(((1 << add.shift) >> 1) - (add.zero_a + 128) * add.multiplier_a -
                                 (add.zero_b + 128) * add.multiplier_b)),
        shift_(_mm_cvtsi32_si128(add.shift)) {}

  // Of every four quads, the numbers of the first in sums[0], of the next in sums[1] ...
  TFSPARSE_INLINE void of(Quads a, Quads b, Ints* sums) const {
    const __m256i flip = _mm256_set1_epi8(static_cast<char>(Quads::kFlip ^ 128));
    a.v = _mm256_xor_si256(a.v, flip);
    b.v = _mm256_xor_si256(b.v, flip);
    const __m256i zero = _mm256_setzero_si256();
    const __m256i low = _mm256_unpacklo_epi8(a.v, b.v), high = _mm256_unpackhi_epi8(a.v, b.v);
    sums[0] = sum(_mm256_unpacklo_epi8(low, zero));
    sums[1] = sum(_mm256_unpackhi_epi8(low, zero));
    sums[2] = sum(_mm256_unpacklo_epi8(high, zero));
    sums[3] = sum(_mm256_unpackhi_epi8(high, zero));
  }

 private:
  Ints sum(__m256i pairs) const {
    const __m256i products = _mm256_madd_epi16(pairs, multipliers_);
    return {_mm256_sra_epi32(_mm256_add_epi32(products, start_), shift_)};
  }

  __m256i multipliers_, start_;
  __m128i shift_;
};

class CodeProducts {
 public:
  CodeProducts(int zero_a, int zero_b)
      : zero_a_(_mm256_set1_epi16(static_cast<short>(zero_a + 128))),
        zero_b_(_mm256_set1_epi16(static_cast<short>(zero_b + 128))) {}

  TFSPARSE_INLINE void of(Quads a, Quads b, Ints* products) const {
    const __m256i flip = _mm256_set1_epi8(static_cast<char>(Quads::kFlip ^ 128));
    a.v = _mm256_xor_si256(a.v, flip);
    b.v = _mm256_xor_si256(b.v, flip);
    const __m256i zero = _mm256_setzero_si256();
    half(_mm256_unpacklo_epi8(a.v, zero), _mm256_unpacklo_epi8(b.v, zero), products);
    half(_mm256_unpackhi_epi8(a.v, zero), _mm256_unpackhi_epi8(b.v, zero), products + 2);
  }

 private:
  void half(__m256i a, __m256i b, Ints* products) const {
    a = _mm256_sub_epi16(a, zero_a_);
    b = _mm256_sub_epi16(b, zero_b_);
    const __m256i low = _mm256_mullo_epi16(a, b), high = _mm256_mulhi_epi16(a, b);
    products[0] = {_mm256_unpacklo_epi16(low, high)};
    products[1] = {_mm256_unpackhi_epi16(low, high)};
  }

  __m256i zero_a_, zero_b_;
};

struct Floats {
  __m256 v;

  static Floats load(const float* p) { return {_mm256_loadu_ps(p)}; }
  void store(float* p) const { _mm256_storeu_ps(p, v); }
  static Floats broadcast(float x) { return {_mm256_set1_ps(x)}; }

  static Floats of_codes(const std::int8_t* p, Ints zero, Factor factor) {
    const __m128i codes = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(p));
    const __m256i number = _mm256_sub_epi32(_mm256_cvtepi8_epi32(codes), zero.v);
    return {_mm256_mul_ps(_mm256_cvtepi32_ps(number), factor.v)};
  }
  Ints rounded(Factor factor, Floats lo, Floats hi) const {
    const __m256 scaled = _mm256_mul_ps(v, factor.v);
    const __m256 number = _mm256_and_ps(scaled, _mm256_cmp_ps(scaled, scaled, _CMP_ORD_Q));
    return {_mm256_cvtps_epi32(_mm256_min_ps(_mm256_max_ps(number, lo.v), hi.v))};
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
      tables_[i] = _mm256_broadcastsi128_si256(differences);
    }
  }

  void map(const std::int8_t* x, std::int8_t* y) const {
    const __m256i low = Quads::load(x).v;
    const __m256i high = _mm256_xor_si256(low, _mm256_set1_epi8(static_cast<char>(128)));
    Quads{_mm256_xor_si256(half(low, tables_), half(high, tables_ + 8))}.store(y);
  }

 private:
  TFSPARSE_INLINE static __m256i half(__m256i x, const __m256i* tables) {
    __m256i y = _mm256_shuffle_epi8(tables[0], x);
    TFSPARSE_UNROLL
    for (int i = 1; i < 8; ++i) {
      x = _mm256_subs_epi8(x, _mm256_set1_epi8(16));
      y = _mm256_xor_si256(y, _mm256_shuffle_epi8(tables[i], x));
    }
    return y;
  }

  __m256i tables_[16];
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
