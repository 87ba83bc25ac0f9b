// Eight float16 numbers in a NEON register, for processors that compute with them.
#pragma once

#include "delegate/kernels/simd/neon.h"

namespace tfsparse {
namespace {

struct Half8 {
  static constexpr int kLanes = 8;
  static constexpr bool kFastMasks = true;
  static constexpr bool kFreeMasks = false;
  static constexpr bool kLoadsFour = false;
  static constexpr int kFactors = 8;
  using Mask = Vec4::Mask;
  using Edge = Vec4::Edge;
  using Groups = RegisterGroups;
  float16x8_t v;

  static Half8 broadcast(float x) { return {vdupq_n_f16(static_cast<float16_t>(x))}; }
  static Half8 load(const float16_t* p) { return {vld1q_f16(p)}; }
  // Converts two vectors with half as many float32 numbers each.
  static Half8 narrow(Vec4 low, Vec4 high) {
    return {vcvt_high_f16_f32(vcvt_f16_f32(low.v), high.v)};
  }
  Vec4 low() const { return {vcvt_f32_f16(vget_low_f16(v))}; }
  Vec4 high() const { return {vcvt_high_f32_f16(v)}; }
  // The first lanes of an equal or wider vector.
  static Half8 first_of(Half8 a) { return a; }
  // The lanes [first, last). Both bounds may be outside the vector.
  static Mask window(int first, int last) {
    return {first > 0 ? first : 0, last < kLanes ? last : kLanes};
  }
  // Loads the lanes of the window. The others are 0 and their memory is not accessed.
  static Half8 load(const float16_t* p, Mask lanes) { return load(p, lanes, broadcast(0.0f)); }
  // The same with the other lanes from `rest`.
  static Half8 load(const float16_t* p, Mask lanes, Half8 rest) {
    return lanes.last - lanes.first == kLanes ? load(p) : load_part(p, lanes, rest);
  }
  static __attribute__((noinline)) Half8 load_part(const float16_t* p, Mask lanes, Half8 rest) {
    for (int i = lanes.first; i < lanes.last; ++i) rest.v[i] = p[i];
    return rest;
  }
  // The same in two instructions. They may read a whole vector from the first lane on, or, if the
  // window has no lanes, anywhere in it.
  static Edge edge(int first, int last) {
    const int offset = first > 0 ? first : last <= 0 ? last - 1 : 0;
    std::uint16_t bytes[kLanes];
    for (int lane = 0; lane < kLanes; ++lane) {
      const bool within = lane >= first && lane < last;
      bytes[lane] = static_cast<std::uint16_t>(within ? 0x0100 + 0x0202 * (lane - offset) : 0xffff);
    }
    return {offset, vreinterpretq_u8_u16(vld1q_u16(bytes))};
  }
  static Half8 load(const float16_t* p, const Edge& lanes) {
    const uint8x16_t table = vreinterpretq_u8_f16(vld1q_f16(p + lanes.offset));
    return {vreinterpretq_f16_u8(vqtbl1q_u8(table, lanes.bytes))};
  }
  // The lanes 0, 2, 4 ... or 1, 3, 5 ... of a followed by b.
  static Half8 even(Half8 a, Half8 b) { return {vuzp1q_f16(a.v, b.v)}; }
  static Half8 odd(Half8 a, Half8 b) { return {vuzp2q_f16(a.v, b.v)}; }
  static Half8 in_order(Half8 a) { return a; }
  // The same for the two vectors at p.
  static void load_pairs(const float16_t* p, Half8* first, Half8* second) {
    const float16x8x2_t pairs = vld2q_f16(p);
    *first = {pairs.val[0]};
    *second = {pairs.val[1]};
  }
  void store(float16_t* p) const { vst1q_f16(p, v); }
  void store(float16_t* p, int lanes) const {
    lanes >= kLanes ? store(p) : store_part(*this, p, lanes);
  }
  static __attribute__((noinline)) void store_part(Half8 a, float16_t* p, int lanes) {
    float16x4_t part = vget_low_f16(a.v);
    if (lanes & 4) {
      vst1_f16(p, part);
      part = vget_high_f16(a.v);
      p += 4;
    }
    for (int i = 0; i < (lanes & 3); ++i) p[i] = part[i];
  }

  static Half8 fma(Half8 a, Half8 b, Half8 c) { return {vfmaq_f16(c.v, a.v, b.v)}; }
  // a * factors[lane] + c, for a constant lane.
  static inline __attribute__((always_inline)) Half8 fma(Half8 a, Half8 factors, int lane,
                                                         Half8 c) {
    switch (lane) {
      case 0:
        return {vfmaq_laneq_f16(c.v, a.v, factors.v, 0)};
      case 1:
        return {vfmaq_laneq_f16(c.v, a.v, factors.v, 1)};
      case 2:
        return {vfmaq_laneq_f16(c.v, a.v, factors.v, 2)};
      case 3:
        return {vfmaq_laneq_f16(c.v, a.v, factors.v, 3)};
      case 4:
        return {vfmaq_laneq_f16(c.v, a.v, factors.v, 4)};
      case 5:
        return {vfmaq_laneq_f16(c.v, a.v, factors.v, 5)};
      case 6:
        return {vfmaq_laneq_f16(c.v, a.v, factors.v, 6)};
      default:
        return {vfmaq_laneq_f16(c.v, a.v, factors.v, 7)};
    }
  }
  static inline __attribute__((always_inline)) Half8 fma_in_place(Half8 a, Half8 factors, int lane,
                                                                  Half8 c) {
#if defined(__clang__)
    return fma(a, factors, lane, c);
#else
    // A 16-bit lane operand must be in one of the first 16 registers.
    __asm__("fmla %0.8h, %1.8h, %2.h[%3]" : "+w"(c.v) : "w"(a.v), "x"(factors.v), "i"(lane));
    return c;
#endif
  }
  static Half8 min(Half8 a, Half8 b) { return {vminq_f16(a.v, b.v)}; }
  static Half8 max(Half8 a, Half8 b) { return {vmaxq_f16(a.v, b.v)}; }
  // The maximum, or b if a is NaN.
  static Half8 max_number(Half8 a, Half8 b) { return {vmaxnmq_f16(a.v, b.v)}; }
  // a < b ? yes : no
  static Half8 if_less(Half8 a, Half8 b, Half8 yes, Half8 no) {
    return {vbslq_f16(vcltq_f16(a.v, b.v), yes.v, no.v)};
  }
  float largest() const { return vmaxvq_f16(v); }

  friend Half8 operator+(Half8 a, Half8 b) { return {vaddq_f16(a.v, b.v)}; }
  friend Half8 operator-(Half8 a, Half8 b) { return {vsubq_f16(a.v, b.v)}; }
  friend Half8 operator*(Half8 a, Half8 b) { return {vmulq_f16(a.v, b.v)}; }
  friend Half8 operator/(Half8 a, Half8 b) { return {vdivq_f16(a.v, b.v)}; }
};

}  // namespace
}  // namespace tfsparse
