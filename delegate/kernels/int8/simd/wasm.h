// Four quads in a register of WebAssembly's SIMD128. Products of 16 bits are added by pairs. With
// relaxed SIMD one instruction adds the products of four bytes to a sum. It takes signed bytes and
// unsigned ones of 7 bits, for which every processor has the same result; weights are split into
// absolute values and signs for it, as in avx2.h.
#pragma once

#include <wasm_simd128.h>

#include <cstdint>
#include <cstring>

namespace tfsparse {
namespace int8 {
namespace {

#if defined(__wasm_relaxed_simd__)
constexpr bool kRelaxed = true;
#else
constexpr bool kRelaxed = false;
#endif

struct Quads {
  static constexpr int kLanes = 4;
  static constexpr std::uint8_t kFlip = 0;
  static constexpr bool kFlipsWeights = kRelaxed;
  v128_t v;

  static Quads load(const std::int8_t* p) { return {wasm_v128_load(p)}; }
  static Quads load(const std::int8_t* p, int lanes) {
    return lanes >= kLanes ? load(p) : load_part(p, lanes);
  }
  static __attribute__((noinline)) Quads load_part(const std::int8_t* p, int lanes) {
    std::int8_t bytes[16] = {};
    std::memcpy(bytes, p, 4 * lanes);
    return load(bytes);
  }
  void store(std::int8_t* p) const { wasm_v128_store(p, v); }
  void store(std::int8_t* p, int lanes) const {
    if (lanes >= kLanes) return store(p);
    v128_t part = v;
    if (lanes & 2) {
      wasm_v128_store64_lane(p, part, 0);
      part = wasm_i64x2_shuffle(part, part, 1, 1);
      p += 8;
    }
    if (lanes & 1) wasm_v128_store32_lane(p, part, 0);
  }

  static Quads gather(const std::int8_t* p, const std::int32_t* indices) {
    std::int8_t quads[16];
    for (int i = 0; i < kLanes; ++i) {
      std::memcpy(quads + 4 * i, p + std::ptrdiff_t{4} * indices[i], 4);
    }
    return load(quads);
  }
  static Quads broadcast(const std::int8_t* p) { return {wasm_v128_load32_splat(p)}; }
  static Quads of_code(int code) { return {wasm_i8x16_splat(static_cast<std::int8_t>(code))}; }
  static Quads min(Quads a, Quads b) { return {wasm_i8x16_min(a.v, b.v)}; }
  static Quads max(Quads a, Quads b) { return {wasm_i8x16_max(a.v, b.v)}; }
  Quads transposed() const {
    return {wasm_i8x16_shuffle(v, v, 0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15)};
  }
  Quads in_order() const { return *this; }
  Quads in_pair_order() const { return *this; }
  Quads flipped() const { return *this; }
};

inline Quads load_even(const std::int8_t* p, int) {
  return {wasm_i32x4_shuffle(wasm_v128_load(p), wasm_v128_load(p + 16), 0, 2, 4, 6)};
}

// The bytes of the first or of the last halves of a and b in turn, then the same for 16 bits.
inline v128_t zip_low(v128_t a, v128_t b) {
  return wasm_i8x16_shuffle(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
}
inline v128_t zip_high(v128_t a, v128_t b) {
  return wasm_i8x16_shuffle(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
}
inline v128_t zip_low_pairs(v128_t a, v128_t b) {
  return wasm_i16x8_shuffle(a, b, 0, 8, 1, 9, 2, 10, 3, 11);
}
inline v128_t zip_high_pairs(v128_t a, v128_t b) {
  return wasm_i16x8_shuffle(a, b, 4, 12, 5, 13, 6, 14, 7, 15);
}

template <int Count>
TFSPARSE_INLINE void zip(Quads r0, Quads r1, Quads r2, Quads r3, Quads* z) {
  const v128_t low01 = zip_low(r0.v, r1.v), low23 = zip_low(r2.v, r3.v);
  z[0] = {zip_low_pairs(low01, low23)};
  if constexpr (Count > 1) z[1] = {zip_high_pairs(low01, low23)};
  if constexpr (Count > 2) {
    const v128_t high01 = zip_high(r0.v, r1.v), high23 = zip_high(r2.v, r3.v);
    z[2] = {zip_low_pairs(high01, high23)};
    z[3] = {zip_high_pairs(high01, high23)};
  }
}

inline void zip_rows(Quads r0, Quads r1, Quads* z) {
  z[0] = {zip_low(r0.v, r1.v)};
  z[1] = {zip_high(r0.v, r1.v)};
}

inline void zip_pairs(Quads upper, Quads lower, Quads* z) {
  z[0] = {zip_low_pairs(upper.v, lower.v)};
  z[1] = {zip_high_pairs(upper.v, lower.v)};
}

// What zip() returns, to p.
inline void store_zipped(Quads r0, Quads r1, Quads r2, Quads r3, std::int8_t* p) {
  Quads z[4];
  zip<4>(r0, r1, r2, r3, z);
  for (int i = 0; i < 4; ++i) z[i].store(p + i * Quads::kLanes * 4);
}

// What activations are multiplied by, four quads.
struct LaneWeights {
#if defined(__wasm_relaxed_simd__)
  v128_t absolute, signs;  // a byte of signs is 0 or -1

  // TFLite's weights are above -128, whose absolute value needs 8 bits: it becomes 127.
  explicit LaneWeights(v128_t weights)
      : absolute(wasm_u8x16_min(wasm_i8x16_abs(weights), wasm_i8x16_splat(127))),
        signs(wasm_i8x16_shr(weights, 7)) {}
#else
  v128_t low, high;  // of 16 bits

  explicit LaneWeights(v128_t weights)
      : low(wasm_i16x8_extend_low_i8x16(weights)), high(wasm_i16x8_extend_high_i8x16(weights)) {}
#endif

  static LaneWeights load_group(const std::int8_t* p) { return load(p); }
  static LaneWeights load(const std::int8_t* p) { return LaneWeights(wasm_v128_load(p)); }
};

// The same quad in all lanes.
struct Weights : LaneWeights {
  static constexpr int kCount = 1;

  explicit Weights(const std::int8_t* p) : LaneWeights(wasm_v128_load32_splat(p)) {}
};

struct Ints {
  v128_t v;

  static Ints load(const std::int32_t* p) { return {wasm_v128_load(p)}; }
  static Ints load_group(const std::int32_t* p) { return load(p); }
  static Ints broadcast(std::int32_t x) { return {wasm_i32x4_splat(x)}; }
  void store(std::int32_t* p) const { wasm_v128_store(p, v); }
};

inline Ints interpolate(Ints a, Ints b, Ints weight) {
  const v128_t moved = wasm_i32x4_mul(wasm_i32x4_sub(b.v, a.v), weight.v);
  const v128_t sum = wasm_i32x4_add(wasm_i32x4_shl(a.v, 10), moved);
  const v128_t half = wasm_i32x4_add(wasm_i32x4_splat(1 << 19), wasm_i32x4_shr(sum, 31));
  return {wasm_i32x4_shr(wasm_i32x4_add(sum, half), 20)};
}

// Rounded to the nearest, halves to even, where |x| is below 2^22: 1.5 * 2^23 + x has no bits for a
// fraction. A conversion to integers takes several instructions.
inline Ints rounded_small(v128_t x) {
  const v128_t bits = wasm_f32x4_add(x, wasm_f32x4_splat(12582912.0f));
  return {wasm_i32x4_sub(bits, wasm_i32x4_splat(0x4b400000))};
}

inline v128_t clamped(v128_t x, v128_t lo, v128_t hi) {
  return wasm_f32x4_pmin(wasm_f32x4_pmax(x, lo), hi);
}

struct Factor {
  v128_t v;

  static Factor broadcast(float x) { return {wasm_f32x4_splat(x)}; }
  static Factor load(const float* p) { return {wasm_v128_load(p)}; }
  static Factor load_group(const float* p) { return load(p); }
  static Factor by_sign(Ints a, Factor positive, Factor negative) {
    return {wasm_v128_bitselect(negative.v, positive.v, wasm_i32x4_shr(a.v, 31))};
  }
  // Larger results become 2^21, of which Narrowing makes the same code.
  Ints scale(Ints a) const {
    constexpr float kMost = 1 << 21;
    const v128_t scaled = wasm_f32x4_mul(wasm_f32x4_convert_i32x4(a.v), v);
    return rounded_small(clamped(scaled, wasm_f32x4_splat(-kMost), wasm_f32x4_splat(kMost)));
  }
};

#if defined(__wasm_relaxed_simd__)
struct Sum {
  static constexpr int kRegisters = 1;
  v128_t v;

  static Sum of(Ints start) { return {start.v}; }
  template <int Lane>
  TFSPARSE_INLINE void add(Quads x, const Weights& w) {
    add(x, w);
  }
  TFSPARSE_INLINE void add(Quads x, const LaneWeights& w) {
    v = wasm_i32x4_relaxed_dot_i8x16_i7x16_add(wasm_v128_xor(x.v, w.signs), w.absolute, v);
  }
  Ints total() const { return {v}; }
};
#else
struct Sum {
  static constexpr int kRegisters = 2;
  v128_t low, high;  // two lanes for each quad

  static Sum of(Ints start) {
    const v128_t zero = wasm_i32x4_splat(0);
    return {wasm_i32x4_shuffle(start.v, zero, 0, 4, 1, 5),
            wasm_i32x4_shuffle(start.v, zero, 2, 6, 3, 7)};
  }
  template <int Lane>
  TFSPARSE_INLINE void add(Quads x, const Weights& w) {
    add(x, w.low, w.low);  // both halves are alike
  }
  TFSPARSE_INLINE void add(Quads x, const LaneWeights& w) { add(x, w.low, w.high); }
  Ints total() const {
    return {wasm_i32x4_add(wasm_i32x4_shuffle(low, high, 0, 2, 4, 6),
                           wasm_i32x4_shuffle(low, high, 1, 3, 5, 7))};
  }

 private:
  TFSPARSE_INLINE void add(Quads x, v128_t weights_low, v128_t weights_high) {
    const v128_t x_low = wasm_i16x8_extend_low_i8x16(x.v);
    const v128_t x_high = wasm_i16x8_extend_high_i8x16(x.v);
    low = wasm_i32x4_add(low, wasm_i32x4_dot_i16x8(x_low, weights_low));
    high = wasm_i32x4_add(high, wasm_i32x4_dot_i16x8(x_high, weights_high));
  }
};
#endif

struct Narrowing {
  static constexpr bool kHasShort = false;
  v128_t zero_point;

  static Narrowing of(int zero_point) {
    return {wasm_i16x8_splat(static_cast<std::int16_t>(zero_point))};
  }
  template <Narrow>
  Quads narrow(Ints a, Ints b, Ints c, Ints d) const {
    const v128_t left = wasm_i16x8_add_sat(wasm_i16x8_narrow_i32x4(a.v, b.v), zero_point);
    const v128_t right = wasm_i16x8_add_sat(wasm_i16x8_narrow_i32x4(c.v, d.v), zero_point);
    return {wasm_i8x16_narrow_i16x8(left, right)};
  }
};

// a * multiplier_a + b * multiplier_b of the codes of two tensors, see Add.
class WeightedSum {
 public:
  explicit WeightedSum(const Add& add)
      : multipliers_(wasm_i32x4_splat((static_cast<std::uint16_t>(add.multiplier_b) << 16) |
                                      static_cast<std::uint16_t>(add.multiplier_a))),
        start_(wasm_i32x4_splat(((1 << add.shift) >> 1) - add.zero_a * add.multiplier_a -
                                add.zero_b * add.multiplier_b)),
        shift_(add.shift) {}

  // Of every four quads, the numbers of the first in sums[0], of the next in sums[1] ...
  TFSPARSE_INLINE void of(Quads a, Quads b, Ints* sums) const {
    const v128_t low = zip_low(a.v, b.v), high = zip_high(a.v, b.v);
    sums[0] = sum(wasm_i16x8_extend_low_i8x16(low));
    sums[1] = sum(wasm_i16x8_extend_high_i8x16(low));
    sums[2] = sum(wasm_i16x8_extend_low_i8x16(high));
    sums[3] = sum(wasm_i16x8_extend_high_i8x16(high));
  }

 private:
  Ints sum(v128_t pairs) const {
    const v128_t products = wasm_i32x4_dot_i16x8(pairs, multipliers_);
    return {wasm_i32x4_shr(wasm_i32x4_add(products, start_), shift_)};
  }

  v128_t multipliers_, start_;
  std::uint32_t shift_;
};

class CodeProducts {
 public:
  CodeProducts(int zero_a, int zero_b)
      : zero_a_(wasm_i16x8_splat(static_cast<std::int16_t>(zero_a))),
        zero_b_(wasm_i16x8_splat(static_cast<std::int16_t>(zero_b))) {}

  TFSPARSE_INLINE void of(Quads a, Quads b, Ints* products) const {
    half(wasm_i16x8_extend_low_i8x16(a.v), wasm_i16x8_extend_low_i8x16(b.v), products);
    half(wasm_i16x8_extend_high_i8x16(a.v), wasm_i16x8_extend_high_i8x16(b.v), products + 2);
  }

 private:
  void half(v128_t a, v128_t b, Ints* products) const {
    a = wasm_i16x8_sub(a, zero_a_);
    b = wasm_i16x8_sub(b, zero_b_);
    products[0] = {wasm_i32x4_extmul_low_i16x8(a, b)};
    products[1] = {wasm_i32x4_extmul_high_i16x8(a, b)};
  }

  v128_t zero_a_, zero_b_;
};

struct Floats {
  v128_t v;

  static Floats load(const float* p) { return {wasm_v128_load(p)}; }
  void store(float* p) const { wasm_v128_store(p, v); }
  static Floats broadcast(float x) { return {wasm_f32x4_splat(x)}; }

  static Floats of_codes(const std::int8_t* p, Ints zero, Factor factor) {
    const v128_t wide = wasm_i16x8_extend_low_i8x16(wasm_v128_load32_zero(p));
    const v128_t number = wasm_i32x4_sub(wasm_i32x4_extend_low_i16x8(wide), zero.v);
    return {wasm_f32x4_mul(wasm_f32x4_convert_i32x4(number), factor.v)};
  }
  // lo and hi are codes, so that the result is small.
  Ints rounded(Factor factor, Floats lo, Floats hi) const {
    const v128_t scaled = wasm_f32x4_mul(v, factor.v);
    const v128_t number = wasm_v128_and(scaled, wasm_f32x4_eq(scaled, scaled));
    return rounded_small(clamped(number, lo.v, hi.v));
  }
};

// SWIZZLE looks up 16 bytes, and returns 0 for an index beyond them. So of all 16 tables, each
// looked up at x minus where it begins, that of x alone finds a byte.
class ByteTable {
 public:
  explicit ByteTable(const std::int8_t* table) {
    for (int i = 0; i < 16; ++i) tables_[i] = wasm_v128_load(table + 16 * i);
  }

  void map(const std::int8_t* x, std::int8_t* y) const {
    v128_t index = wasm_v128_load(x);
    v128_t found = wasm_i8x16_swizzle(tables_[0], index);
    for (int i = 1; i < 16; ++i) {
      index = wasm_i8x16_sub(index, wasm_i8x16_splat(16));
      found = wasm_v128_or(found, wasm_i8x16_swizzle(tables_[i], index));
    }
    wasm_v128_store(y, found);
  }

 private:
  v128_t tables_[16];
};

inline void spread_triples(const std::int8_t* x, std::int8_t* y) {
  const v128_t triples = wasm_v128_load(x);
  wasm_v128_store(
      y, wasm_i8x16_shuffle(triples, triples, 0, 1, 2, 2, 3, 4, 5, 5, 6, 7, 8, 8, 9, 10, 11, 11));
}

}  // namespace
}  // namespace int8
}  // namespace tfsparse
