// Four quads in a NEON register, multiplied by SDOT where the processor has dot products, else by
// SMULL, whose products SADALP adds by pairs.
#pragma once

#include <arm_neon.h>

#include <cstdint>
#include <cstring>

namespace tfsparse {
namespace int8 {
namespace {

struct Quads {
  static constexpr int kLanes = 4;
  static constexpr std::uint8_t kFlip = 0;
  static constexpr bool kFlipsWeights = false;
  using Groups = RegisterGroups;
  int8x16_t v;

  static Quads load(const std::int8_t* p) { return {vld1q_s8(p)}; }
  static Quads load(const std::int8_t* p, int lanes) {
    return lanes >= kLanes ? load(p) : load_part(p, lanes);
  }
  static __attribute__((noinline)) Quads load_part(const std::int8_t* p, int lanes) {
    std::int8_t bytes[16] = {};
    std::memcpy(bytes, p, 4 * lanes);
    return load(bytes);
  }
  void store(std::int8_t* p) const { vst1q_s8(p, v); }
  void store(std::int8_t* p, int lanes) const {
    if (lanes >= kLanes) return store(p);
    int8x8_t part = vget_low_s8(v);
    if (lanes & 2) {
      vst1_s8(p, part);
      part = vget_high_s8(v);
      p += 8;
    }
    if (lanes & 1) store_one(p, part);
  }

  static Quads gather(const std::int8_t* p, const std::int32_t* indices) {
    std::int8_t quads[16];
    for (int i = 0; i < kLanes; ++i) {
      std::memcpy(quads + 4 * i, p + std::ptrdiff_t{4} * indices[i], 4);
    }
    return load(quads);
  }
  static Quads broadcast(const std::int8_t* p) {
    std::int32_t quad;
    std::memcpy(&quad, p, sizeof quad);
    return {vreinterpretq_s8_s32(vdupq_n_s32(quad))};
  }
  static Quads of_code(int code) { return {vdupq_n_s8(static_cast<std::int8_t>(code))}; }
  static Quads min(Quads a, Quads b) { return {vminq_s8(a.v, b.v)}; }
  static Quads max(Quads a, Quads b) { return {vmaxq_s8(a.v, b.v)}; }
  Quads transposed() const {
    const uint8x16_t rows = {0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15};
    return {vqtbl1q_s8(v, rows)};
  }
  Quads in_order() const { return *this; }
  Quads in_pair_order() const { return *this; }
  Quads flipped() const { return *this; }

 private:
  static void store_one(std::int8_t* p, int8x8_t quads) {
    const std::int32_t quad = vget_lane_s32(vreinterpret_s32_s8(quads), 0);
    std::memcpy(p, &quad, sizeof quad);
  }
};

inline Quads load_even(const std::int8_t* p, int) {
  const int32x4_t a = vreinterpretq_s32_s8(vld1q_s8(p)), b = vreinterpretq_s32_s8(vld1q_s8(p + 16));
  return {vreinterpretq_s8_s32(vuzp1q_s32(a, b))};
}

template <int Count>
TFSPARSE_INLINE void zip(Quads r0, Quads r1, Quads r2, Quads r3, Quads* z) {
  const int16x8_t low01 = vreinterpretq_s16_s8(vzip1q_s8(r0.v, r1.v));
  const int16x8_t low23 = vreinterpretq_s16_s8(vzip1q_s8(r2.v, r3.v));
  z[0] = {vreinterpretq_s8_s16(vzip1q_s16(low01, low23))};
  if constexpr (Count > 1) z[1] = {vreinterpretq_s8_s16(vzip2q_s16(low01, low23))};
  if constexpr (Count > 2) {
    const int16x8_t high01 = vreinterpretq_s16_s8(vzip2q_s8(r0.v, r1.v));
    const int16x8_t high23 = vreinterpretq_s16_s8(vzip2q_s8(r2.v, r3.v));
    z[2] = {vreinterpretq_s8_s16(vzip1q_s16(high01, high23))};
    z[3] = {vreinterpretq_s8_s16(vzip2q_s16(high01, high23))};
  }
}

inline void zip_rows(Quads r0, Quads r1, Quads* z) {
  z[0] = {vzip1q_s8(r0.v, r1.v)};
  z[1] = {vzip2q_s8(r0.v, r1.v)};
}

inline void zip_pairs(Quads upper, Quads lower, Quads* z) {
  const int16x8_t u = vreinterpretq_s16_s8(upper.v), l = vreinterpretq_s16_s8(lower.v);
  z[0] = {vreinterpretq_s8_s16(vzip1q_s16(u, l))};
  z[1] = {vreinterpretq_s8_s16(vzip2q_s16(u, l))};
}

// What zip() returns, to p: one instruction.
inline void store_zipped(Quads r0, Quads r1, Quads r2, Quads r3, std::int8_t* p) {
  const int8x16x4_t rows = {{r0.v, r1.v, r2.v, r3.v}};  // Clang's vst4q_s8 is a macro
  vst4q_s8(p, rows);
}

struct LaneWeights {
  int8x16_t v;

  static LaneWeights load_group(const std::int8_t* p) { return load(p); }
  static LaneWeights load(const std::int8_t* p) { return {vld1q_s8(p)}; }
};

struct Weights {
  static constexpr int kCount = 4;
  int8x16_t v;

  explicit Weights(const std::int8_t* p) : v(vld1q_s8(p)) {}
};

struct Ints {
  int32x4_t v;

  static Ints load(const std::int32_t* p) { return {vld1q_s32(p)}; }
  static Ints load_group(const std::int32_t* p) { return load(p); }
  static Ints broadcast(std::int32_t x) { return {vdupq_n_s32(x)}; }
  void store(std::int32_t* p) const { vst1q_s32(p, v); }
};

inline Ints interpolate(Ints a, Ints b, Ints weight) {
  const int32x4_t sum = vmlaq_s32(vshlq_n_s32(a.v, 10), vsubq_s32(b.v, a.v), weight.v);
  return {vrshrq_n_s32(vsraq_n_s32(sum, sum, 31), 20)};
}

struct Factor {
  float32x4_t v;

  static Factor broadcast(float x) { return {vdupq_n_f32(x)}; }
  static Factor load(const float* p) { return {vld1q_f32(p)}; }
  static Factor load_group(const float* p) { return load(p); }
  static Factor by_sign(Ints a, Factor positive, Factor negative) {
    return {vbslq_f32(vcltzq_s32(a.v), negative.v, positive.v)};
  }
  Ints scale(Ints a) const { return {vcvtnq_s32_f32(vmulq_f32(vcvtq_f32_s32(a.v), v))}; }
};

// Two instructions make four sums codes of 16 bits; a Factor takes four.
struct SumFactor {
  static constexpr bool kFixedPoint = true;
  int32x4_t v;

  static SumFactor broadcast(float x) { return of(vdupq_n_f32(x)); }
  static SumFactor load(const float* p) { return of(vld1q_f32(p)); }
  static SumFactor load_group(const float* p) { return load(p); }
  Ints scale(Ints a) const { return {vqrdmulhq_s32(a.v, v)}; }

 private:
  static SumFactor of(float32x4_t x) { return {vcvtq_n_s32_f32(x, 31)}; }
};

#if defined(__ARM_FEATURE_DOTPROD)
struct Sum {
  static constexpr int kRegisters = 1;
  int32x4_t v;

  static Sum of(Ints start) { return {start.v}; }
  template <int Lane>
  TFSPARSE_INLINE void add(Quads x, const Weights& w) {
#if defined(__clang__)
    v = vdotq_laneq_s32(v, x.v, w.v, Lane);
#else  // which would move accumulators from register to register
    __asm__("sdot %0.4s, %1.16b, %2.4b[%3]" : "+w"(v) : "w"(x.v), "w"(w.v), "i"(Lane));
#endif
  }
  TFSPARSE_INLINE void add(Quads x, const LaneWeights& w) { v = vdotq_s32(v, x.v, w.v); }
  Ints total() const { return {v}; }
};
#else
struct Sum {
  static constexpr int kRegisters = 2;
  int32x4_t low, high;  // two lanes for each quad

  static Sum of(Ints start) {
    const int32x4_t zero = vdupq_n_s32(0);
    return {vzip1q_s32(start.v, zero), vzip2q_s32(start.v, zero)};
  }
  template <int Lane>
  TFSPARSE_INLINE void add(Quads x, const Weights& w) {
    add(x, LaneWeights{vreinterpretq_s8_s32(vdupq_laneq_s32(vreinterpretq_s32_s8(w.v), Lane))});
  }
  TFSPARSE_INLINE void add(Quads x, const LaneWeights& w) {
    low = vpadalq_s16(low, vmull_s8(vget_low_s8(x.v), vget_low_s8(w.v)));
    high = vpadalq_s16(high, vmull_high_s8(x.v, w.v));
  }
  Ints total() const { return {vpaddq_s32(low, high)}; }
};
#endif

struct Narrowing {
  static constexpr bool kHasShort = true;
  int16x8_t zero_point;

  static Narrowing of(int zero_point) {
    return {vdupq_n_s16(static_cast<std::int16_t>(zero_point))};
  }
  template <Narrow How>
  Quads narrow(Ints a, Ints b, Ints c, Ints d) const {
    if constexpr (How == Narrow::kShortAboveLowest) {
      const uint8x8_t left = vqmovun_s16(lower_halves(a, b));
      const uint8x16_t above = vqmovun_high_s16(left, lower_halves(c, d));
      return {vreinterpretq_s8_u8(veorq_u8(above, vdupq_n_u8(0x80)))};
    }
    constexpr auto kShorten = How == Narrow::kShort ? lower_halves : saturated;
    const int16x8_t left = vqaddq_s16(kShorten(a, b), zero_point);
    const int16x8_t right = vqaddq_s16(kShorten(c, d), zero_point);
    return {vqmovn_high_s16(vqmovn_s16(left), right)};
  }

 private:
  static int16x8_t saturated(Ints a, Ints b) { return vqmovn_high_s32(vqmovn_s32(a.v), b.v); }
  static int16x8_t lower_halves(Ints a, Ints b) {
    return vuzp1q_s16(vreinterpretq_s16_s32(a.v), vreinterpretq_s16_s32(b.v));
  }
};

// a * multiplier_a + b * multiplier_b of the codes of two tensors, see Add.
class WeightedSum {
 public:
  explicit WeightedSum(const Add& add)
      : zero_a_(vdup_n_s8(static_cast<std::int8_t>(add.zero_a))),
        zero_b_(vdup_n_s8(static_cast<std::int8_t>(add.zero_b))),
        multiplier_a_(vdup_n_s16(add.multiplier_a)),
        multiplier_b_(vdup_n_s16(add.multiplier_b)),
        left_shift_(vdupq_n_s32(-add.shift)) {}

  // Of every four quads, the numbers of the first in sums[0], of the next in sums[1] ...
  TFSPARSE_INLINE void of(Quads a, Quads b, Ints* sums) const {
    half(vget_low_s8(a.v), vget_low_s8(b.v), sums);
    half(vget_high_s8(a.v), vget_high_s8(b.v), sums + 2);
  }

 private:
  void half(int8x8_t a, int8x8_t b, Ints* sums) const {
    const int16x8_t from_a = vsubl_s8(a, zero_a_), from_b = vsubl_s8(b, zero_b_);
    sums[0] = sum(vget_low_s16(from_a), vget_low_s16(from_b));
    sums[1] = sum(vget_high_s16(from_a), vget_high_s16(from_b));
  }
  Ints sum(int16x4_t a, int16x4_t b) const {
    const int32x4_t products = vmlal_s16(vmull_s16(a, multiplier_a_), b, multiplier_b_);
    return {vrshlq_s32(products, left_shift_)};
  }

  int8x8_t zero_a_, zero_b_;
  int16x4_t multiplier_a_, multiplier_b_;
  int32x4_t left_shift_;
};

struct CodeProducts {
  int8x8_t zero_a, zero_b;

  CodeProducts(int zero_a, int zero_b)
      : zero_a(vdup_n_s8(static_cast<std::int8_t>(zero_a))),
        zero_b(vdup_n_s8(static_cast<std::int8_t>(zero_b))) {}

  TFSPARSE_INLINE void of(Quads a, Quads b, Ints* products) const {
    half(vget_low_s8(a.v), vget_low_s8(b.v), products);
    half(vget_high_s8(a.v), vget_high_s8(b.v), products + 2);
  }

 private:
  void half(int8x8_t a, int8x8_t b, Ints* products) const {
    const int16x8_t from_a = vsubl_s8(a, zero_a), from_b = vsubl_s8(b, zero_b);
    products[0] = {vmull_s16(vget_low_s16(from_a), vget_low_s16(from_b))};
    products[1] = {vmull_high_s16(from_a, from_b)};
  }
};

struct Floats {
  float32x4_t v;

  static Floats load(const float* p) { return {vld1q_f32(p)}; }
  void store(float* p) const { vst1q_f32(p, v); }
  static Floats broadcast(float x) { return {vdupq_n_f32(x)}; }

  static Floats of_codes(const std::int8_t* p, Ints zero, Factor factor) {
    std::int32_t quad;
    std::memcpy(&quad, p, sizeof quad);
    const int16x4_t wide = vget_low_s16(vmovl_s8(vreinterpret_s8_s32(vdup_n_s32(quad))));
    const int32x4_t number = vsubq_s32(vmovl_s16(wide), zero.v);
    return {vmulq_f32(vcvtq_f32_s32(number), factor.v)};
  }
  Ints rounded(Factor factor, Floats lo, Floats hi) const {
    const float32x4_t scaled = vmulq_f32(v, factor.v);  // the conversion of NaN is 0
    return {vcvtnq_s32_f32(vminq_f32(vmaxq_f32(scaled, lo.v), hi.v))};
  }
};

class ByteTable {
 public:
  explicit ByteTable(const std::int8_t* table) {
    for (int i = 0; i < 4; ++i) tables_[i] = vld1q_s8_x4(table + 64 * i);
  }

  void map(const std::int8_t* x, std::int8_t* y) const {
    uint8x16_t index = vreinterpretq_u8_s8(vld1q_s8(x));
    int8x16_t found = vqtbl4q_s8(tables_[0], index);
    for (int i = 1; i < 4; ++i) {  // an index beyond a table leaves what there is
      index = vsubq_u8(index, vdupq_n_u8(64));
      found = vqtbx4q_s8(found, tables_[i], index);
    }
    vst1q_s8(y, found);
  }

 private:
  int8x16x4_t tables_[4];
};

inline void spread_triples(const std::int8_t* x, std::int8_t* y) {
  const uint8x16_t quads = {0, 1, 2, 2, 3, 4, 5, 5, 6, 7, 8, 8, 9, 10, 11, 11};
  vst1q_s8(y, vqtbl1q_s8(vld1q_s8(x), quads));
}

}  // namespace
}  // namespace int8
}  // namespace tfsparse
