// Four floats in a NEON register, which every arm64 processor has.
#pragma once

#include <arm_neon.h>

#include <cstdint>

namespace tfsparse {
namespace {

// Four consecutive registers for one load or store. They are named, since g++ 12 would copy the
// operands of intrinsics to other registers: groups begin with v4, v8 ... v24.
#define TFSPARSE_WITH_GROUP(CODE)     \
  if constexpr (Group == 0) {         \
    CODE("v4", "v5", "v6", "v7");     \
  } else if constexpr (Group == 1) {  \
    CODE("v8", "v9", "v10", "v11");   \
  } else if constexpr (Group == 2) {  \
    CODE("v12", "v13", "v14", "v15"); \
  } else if constexpr (Group == 3) {  \
    CODE("v16", "v17", "v18", "v19"); \
  } else if constexpr (Group == 4) {  \
    CODE("v20", "v21", "v22", "v23"); \
  } else {                            \
    static_assert(Group == 5);        \
    CODE("v24", "v25", "v26", "v27"); \
  }

template <int Group, int Vectors, bool Moves, class Number, class Register>
inline __attribute__((always_inline)) void load_registers(const Number*& p, Register& a,
                                                          Register& b, Register& c, Register& d) {
  using Memory = const char[Vectors * sizeof(Register)];
#define TFSPARSE_LOAD(A, B, C, D)                                               \
  register Register ra __asm__(A), rb __asm__(B), rc __asm__(C), rd __asm__(D); \
  if constexpr (Vectors == 3) {                                                 \
    __asm__ volatile("ld1 {%0.16b-%2.16b}, [%3]"                                \
                     : "=w"(ra), "=w"(rb), "=w"(rc)                             \
                     : "r"(p), "m"(*reinterpret_cast<Memory*>(p)));             \
    rd = rc;                                                                    \
  } else if constexpr (Moves) {                                                 \
    __asm__ volatile("ld1 {%0.16b-%3.16b}, [%4], #64"                           \
                     : "=w"(ra), "=w"(rb), "=w"(rc), "=w"(rd), "+r"(p)          \
                     : "m"(*reinterpret_cast<Memory*>(p)));                     \
  } else {                                                                      \
    __asm__ volatile("ld1 {%0.16b-%3.16b}, [%4]"                                \
                     : "=w"(ra), "=w"(rb), "=w"(rc), "=w"(rd)                   \
                     : "r"(p), "m"(*reinterpret_cast<Memory*>(p)));             \
  }                                                                             \
  a = ra, b = rb, c = rc, d = rd
  TFSPARSE_WITH_GROUP(TFSPARSE_LOAD)
#undef TFSPARSE_LOAD
}

template <int Group, class Number, class Register>
inline __attribute__((always_inline)) void store_registers(Number*& p, Register a, Register b,
                                                           Register c, Register d) {
  using Memory = char[4 * sizeof(Register)];
#define TFSPARSE_STORE(A, B, C, D)                                           \
  register Register ra __asm__(A) = a, rb __asm__(B) = b, rc __asm__(C) = c; \
  register Register rd __asm__(D) = d;                                       \
  Memory& memory = *reinterpret_cast<Memory*>(p);                            \
  __asm__ volatile("st1 {%2.16b-%5.16b}, [%0], #64"                          \
                   : "+r"(p), "=m"(memory)                                   \
                   : "w"(ra), "w"(rb), "w"(rc), "w"(rd))
  TFSPARSE_WITH_GROUP(TFSPARSE_STORE)
#undef TFSPARSE_STORE
}
#undef TFSPARSE_WITH_GROUP

// Multi-register loads and stores of arm64, for vectors of either type.
struct RegisterGroups {
  // Loads four vectors, or three if c and d are the same. Advances p by four if Moves is set.
  template <int Group, int Vectors, bool Moves = false, class Number, class V>
  static inline __attribute__((always_inline)) void load(const Number*& p, V& a, V& b, V& c, V& d) {
    load_registers<Group, Vectors, Moves>(p, a.v, b.v, c.v, d.v);
  }
  // Stores four vectors and advances p.
  template <int Group, class Number, class V>
  static inline __attribute__((always_inline)) void store(Number*& p, V a, V b, V c, V d) {
    store_registers<Group>(p, a.v, b.v, c.v, d.v);
  }
  // Loads the next 1, 2 or 4 offsets, two per register, and advances p. Offsets are not negative.
  // They are never written, so the compiler need not order this with stores.
  template <int Count>
  static inline __attribute__((always_inline)) void load_offsets(const std::int32_t*& p,
                                                                 std::uint64_t (&offsets)[2]) {
    if constexpr (Count == 4) {
      __asm__ volatile("ldp %0, %1, [%2], #16" : "=r"(offsets[0]), "=r"(offsets[1]), "+r"(p));
    } else if constexpr (Count == 2) {
      __asm__ volatile("ldr %0, [%1], #8" : "=r"(offsets[0]), "+r"(p));
    } else {
      __asm__ volatile("ldr %w0, [%1], #4" : "=r"(offsets[0]), "+r"(p));
    }
  }
};

struct Vec4 {
  static constexpr int kLanes = 4;
  static constexpr bool kWidensHalf = true;
  static constexpr bool kFastMasks = true;
  static constexpr bool kFreeMasks = false;
  static constexpr bool kLoadsFour = false;
  static constexpr int kFactors = 4;
  struct Mask {
    int first, last;
  };
  // A vector is loaded `offset` numbers further on and its bytes are then permuted.
  struct Edge {
    std::ptrdiff_t offset;
    uint8x16_t bytes;
  };
  struct Lanes {
    uint8x16_t bytes;
  };
  using Groups = RegisterGroups;
  using Floats = float32x4_t;
  Floats v;

  static Vec4 broadcast(float x) { return {vdupq_n_f32(x)}; }
  static Vec4 load(const float* p) { return {vld1q_f32(p)}; }
  // Converts as many float16 numbers.
  static Vec4 load(const float16_t* p) { return {vcvt_f32_f16(vld1_f16(p))}; }
  static Vec4 widen(const std::uint16_t* p) {
    return {vcvt_f32_f16(vreinterpret_f16_u16(vld1_u16(p)))};
  }
  // The first lanes of an equal or wider vector.
  static Vec4 first_of(Vec4 a) { return a; }
  // The lanes [first, last). Both bounds may be outside the vector.
  static Mask window(int first, int last) {
    return {first > 0 ? first : 0, last < kLanes ? last : kLanes};
  }
  // Loads the lanes of the window. The others are 0 and their memory is not accessed.
  template <class T>
  static Vec4 load(const T* p, Mask lanes) {
    return load(p, lanes, broadcast(0.0f));
  }
  // The same with the other lanes from `rest`.
  template <class T>
  static Vec4 load(const T* p, Mask lanes, Vec4 rest) {
    return lanes.last - lanes.first == kLanes ? load(p) : load_part(p, lanes, rest);
  }
  template <class T>
  static __attribute__((noinline)) Vec4 load_part(const T* p, Mask lanes, Vec4 rest) {
    for (int i = lanes.first; i < lanes.last; ++i) rest.v[i] = p[i];
    return rest;
  }
  // The same in two instructions. They may read a whole vector from the first lane on, or, if the
  // window has no lanes, anywhere in it.
  static Edge edge(int first, int last) {
    const int offset = first > 0 ? first : last <= 0 ? last - 1 : 0;
    std::uint32_t bytes[kLanes];
    for (int lane = 0; lane < kLanes; ++lane) {
      const bool within = lane >= first && lane < last;
      bytes[lane] = within ? 0x03020100 + 0x04040404 * (lane - offset) : 0xffffffff;
    }
    return {offset, vreinterpretq_u8_u32(vld1q_u32(bytes))};
  }
  static Vec4 load(const float* p, const Edge& lanes) {
    const uint8x16_t table = vreinterpretq_u8_f32(vld1q_f32(p + lanes.offset));
    return {vreinterpretq_f32_u8(vqtbl1q_u8(table, lanes.bytes))};
  }
  // A permutation: lane i takes lane min(indices[i] - first, last), modulo the width.
  static Lanes lanes_at(const std::int32_t* indices, int first, int last) {
    const int32x4_t difference = vsubq_s32(vld1q_s32(indices), vdupq_n_s32(first));
    const int32x4_t lanes = vminq_s32(difference, vdupq_n_s32(last));
    const uint32x4_t lane = vandq_u32(vreinterpretq_u32_s32(lanes), vdupq_n_u32(kLanes - 1));
    // Byte indices: lane i has the bytes 4 * i to 4 * i + 3.
    const uint32x4_t bytes = vmlaq_u32(vdupq_n_u32(0x03020100), lane, vdupq_n_u32(0x04040404));
    return {vreinterpretq_u8_u32(bytes)};
  }
  static Vec4 permute(Vec4 a, Lanes lanes) {
    return {vreinterpretq_f32_u8(vqtbl1q_u8(vreinterpretq_u8_f32(a.v), lanes.bytes))};
  }
  // The lanes 0, 2, 4 ... or 1, 3, 5 ... of a followed by b.
  static Vec4 even(Vec4 a, Vec4 b) { return {vuzp1q_f32(a.v, b.v)}; }
  static Vec4 odd(Vec4 a, Vec4 b) { return {vuzp2q_f32(a.v, b.v)}; }
  static Vec4 in_order(Vec4 a) { return a; }
  // The same for the two vectors at p.
  static void load_pairs(const float* p, Vec4* first, Vec4* second) {
    const float32x4x2_t pairs = vld2q_f32(p);
    *first = {pairs.val[0]};
    *second = {pairs.val[1]};
  }
  void store(float* p) const { vst1q_f32(p, v); }
  void store(float* p, int lanes) const {
    lanes >= kLanes ? store(p) : store_part(*this, p, lanes);
  }
  // Inlined, as a call would spill tiles from registers.
  static inline __attribute__((always_inline)) void store_part(Vec4 a, float* p, int lanes) {
    __asm__("" : "+r"(lanes));  // else loops would keep both bits in registers
    float32x2_t part = vget_low_f32(a.v);
    if (lanes & 2) {
      vst1_f32(p, part);
      part = vget_high_f32(a.v);
      p += 2;
    }
    if (lanes & 1) vst1_lane_f32(p, part, 0);
  }
  void store(float16_t* p) const { vst1_f16(p, vcvt_f16_f32(v)); }
  void store(float16_t* p, int lanes) const {
    lanes >= kLanes ? store(p) : store_part(*this, p, lanes);
  }
  static __attribute__((noinline)) void store_part(Vec4 a, float16_t* p, int lanes) {
    const float16x4_t part = vcvt_f16_f32(a.v);
    for (int i = 0; i < lanes; ++i) p[i] = part[i];
  }

  static Vec4 fma(Vec4 a, Vec4 b, Vec4 c) { return {vfmaq_f32(c.v, a.v, b.v)}; }
  // a * factors[lane] + c, for a constant lane.
  static inline __attribute__((always_inline)) Vec4 fma(Vec4 a, Vec4 factors, int lane, Vec4 c) {
    switch (lane) {
      case 0:
        return {vfmaq_laneq_f32(c.v, a.v, factors.v, 0)};
      case 1:
        return {vfmaq_laneq_f32(c.v, a.v, factors.v, 1)};
      case 2:
        return {vfmaq_laneq_f32(c.v, a.v, factors.v, 2)};
      default:
        return {vfmaq_laneq_f32(c.v, a.v, factors.v, 3)};
    }
  }
  // For loops with many sums, which g++ would otherwise move between registers.
  static inline __attribute__((always_inline)) Vec4 fma_in_place(Vec4 a, Vec4 factors, int lane,
                                                                 Vec4 c) {
#if defined(__clang__)
    return fma(a, factors, lane, c);
#else
    __asm__("fmla %0.4s, %1.4s, %2.s[%3]" : "+w"(c.v) : "w"(a.v), "w"(factors.v), "i"(lane));
    return c;
#endif
  }
  static Vec4 min(Vec4 a, Vec4 b) { return {vminq_f32(a.v, b.v)}; }
  static Vec4 max(Vec4 a, Vec4 b) { return {vmaxq_f32(a.v, b.v)}; }
  // The maximum, or b if a is NaN.
  static Vec4 max_number(Vec4 a, Vec4 b) { return {vmaxnmq_f32(a.v, b.v)}; }
  // a < b ? yes : no
  static Vec4 if_less(Vec4 a, Vec4 b, Vec4 yes, Vec4 no) {
    return {vbslq_f32(vcltq_f32(a.v, b.v), yes.v, no.v)};
  }
  static Vec4 round(Vec4 a) { return {vrndnq_f32(a.v)}; }
  static Vec4 sqrt(Vec4 a) { return {vsqrtq_f32(a.v)}; }
  // 2 to the power of the integer n in [-126, 127]; infinity for 128.
  static Vec4 exp2(Vec4 n) {
    const int32x4_t exponent = vaddq_s32(vcvtq_s32_f32(n.v), vdupq_n_s32(127));
    return {vreinterpretq_f32_s32(vshlq_n_s32(exponent, 23))};
  }
  float sum() const { return vaddvq_f32(v); }
  float largest() const { return vmaxvq_f32(v); }

  friend Vec4 operator+(Vec4 a, Vec4 b) { return {vaddq_f32(a.v, b.v)}; }
  friend Vec4 operator-(Vec4 a, Vec4 b) { return {vsubq_f32(a.v, b.v)}; }
  friend Vec4 operator*(Vec4 a, Vec4 b) { return {vmulq_f32(a.v, b.v)}; }
  friend Vec4 operator/(Vec4 a, Vec4 b) { return {vdivq_f32(a.v, b.v)}; }
};

}  // namespace
}  // namespace tfsparse
