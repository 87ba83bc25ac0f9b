// Four floats in a register of WebAssembly's SIMD128. With relaxed SIMD a product and its addition
// are one instruction, rounded once where the processor has it.
#pragma once

#include <wasm_simd128.h>

#include <cstdint>

namespace tfsparse {
namespace {

struct Vec4 {
  static constexpr int kLanes = 4;
  static constexpr bool kWidensHalf = false;
  static constexpr bool kFastMasks = true;
  static constexpr bool kFreeMasks = false;
  static constexpr int kFactors = 1;
  static constexpr bool kLoadsFour = true;
  struct Mask {
    int first, last;
  };
  // A vector is loaded `offset` numbers further on and its bytes are then permuted.
  struct Edge {
    std::ptrdiff_t offset;
    v128_t bytes;
  };
  struct Lanes {
    v128_t bytes;
  };
  v128_t v;

  static Vec4 broadcast(float x) { return {wasm_f32x4_splat(x)}; }
  static Vec4 load(const float* p) { return {wasm_v128_load(p)}; }
  static Vec4 load_four(const float* p) { return load(p); }
  // Number I of those, in all lanes.
  template <int I>
  static Vec4 one_of_four(Vec4 a) {
    return {wasm_i32x4_shuffle(a.v, a.v, I, I, I, I)};
  }
  // The first lanes of an equal or wider vector.
  static Vec4 first_of(Vec4 a) { return a; }
  // The lanes [first, last). Both bounds may be outside the vector.
  static Mask window(int first, int last) {
    return {first > 0 ? first : 0, last < kLanes ? last : kLanes};
  }
  // Loads the lanes of the window. The others are 0 and their memory is not accessed.
  static Vec4 load(const float* p, Mask lanes) { return load(p, lanes, broadcast(0.0f)); }
  // The same with the other lanes from `rest`.
  static Vec4 load(const float* p, Mask lanes, Vec4 rest) {
    return lanes.last - lanes.first == kLanes ? load(p) : load_part(p, lanes, rest);
  }
  static __attribute__((noinline)) Vec4 load_part(const float* p, Mask lanes, Vec4 rest) {
    float numbers[kLanes];
    rest.store(numbers);
    for (int i = lanes.first; i < lanes.last; ++i) numbers[i] = p[i];
    return load(numbers);
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
    return {offset, wasm_v128_load(bytes)};
  }
  static Vec4 load(const float* p, const Edge& lanes) {
    return {wasm_i8x16_swizzle(wasm_v128_load(p + lanes.offset), lanes.bytes)};
  }
  // A permutation: lane i takes lane min(indices[i] - first, last), modulo the width.
  static Lanes lanes_at(const std::int32_t* indices, int first, int last) {
    const v128_t difference = wasm_i32x4_sub(wasm_v128_load(indices), wasm_i32x4_splat(first));
    const v128_t lanes = wasm_i32x4_min(difference, wasm_i32x4_splat(last));
    const v128_t lane = wasm_v128_and(lanes, wasm_i32x4_splat(kLanes - 1));
    // Byte indices: lane i has the bytes 4 * i to 4 * i + 3.
    const v128_t bytes = wasm_i32x4_mul(lane, wasm_i32x4_splat(0x04040404));
    return {wasm_i32x4_add(bytes, wasm_i32x4_splat(0x03020100))};
  }
  static Vec4 permute(Vec4 a, Lanes lanes) { return {wasm_i8x16_swizzle(a.v, lanes.bytes)}; }
  // The lanes 0, 2, 4 ... or 1, 3, 5 ... of a followed by b, in the order that in_order() restores.
  static Vec4 even(Vec4 a, Vec4 b) { return {wasm_i32x4_shuffle(a.v, b.v, 0, 2, 4, 6)}; }
  static Vec4 odd(Vec4 a, Vec4 b) { return {wasm_i32x4_shuffle(a.v, b.v, 1, 3, 5, 7)}; }
  static Vec4 in_order(Vec4 a) { return a; }
  // The same for the two vectors at p.
  static void load_pairs(const float* p, Vec4* first, Vec4* second) {
    const Vec4 a = load(p), b = load(p + kLanes);
    *first = even(a, b);
    *second = odd(a, b);
  }
  void store(float* p) const { wasm_v128_store(p, v); }
  void store(float* p, int lanes) const {
    if (lanes >= kLanes) return store(p);
    v128_t part = v;
    if (lanes & 2) {
      wasm_v128_store64_lane(p, part, 0);
      part = wasm_i64x2_shuffle(part, part, 1, 1);
      p += 2;
    }
    if (lanes & 1) wasm_v128_store32_lane(p, part, 0);
  }

  // a * factor + c
  static Vec4 fma(Vec4 a, Vec4 factor, int, Vec4 c) { return fma(a, factor, c); }
  static Vec4 fma_in_place(Vec4 a, Vec4 factor, int, Vec4 c) { return fma(a, factor, c); }
  static Vec4 fma(Vec4 a, Vec4 b, Vec4 c) {
#if defined(__wasm_relaxed_simd__)
    return {wasm_f32x4_relaxed_madd(a.v, b.v, c.v)};
#else
    return {wasm_f32x4_add(wasm_f32x4_mul(a.v, b.v), c.v)};
#endif
  }
  // pmin and pmax are one instruction of x86-64; min and max, which order zeros, are many.
  static Vec4 min(Vec4 a, Vec4 b) { return {wasm_f32x4_pmin(b.v, a.v)}; }
  static Vec4 max(Vec4 a, Vec4 b) { return {wasm_f32x4_pmax(b.v, a.v)}; }
  // The maximum, or b if a is NaN.
  static Vec4 max_number(Vec4 a, Vec4 b) { return max(a, b); }
  // a < b ? yes : no
  static Vec4 if_less(Vec4 a, Vec4 b, Vec4 yes, Vec4 no) {
    return {wasm_v128_bitselect(yes.v, no.v, wasm_f32x4_lt(a.v, b.v))};
  }
  static Vec4 round(Vec4 a) { return {wasm_f32x4_nearest(a.v)}; }
  static Vec4 sqrt(Vec4 a) { return {wasm_f32x4_sqrt(a.v)}; }
  // 2 to the power of the integer n in [-126, 127]; infinity for 128.
  static Vec4 exp2(Vec4 n) {
    // 1.5 * 2^23 + n has n in its lowest bits. A conversion to integers takes several instructions.
    const v128_t bits = wasm_f32x4_add(n.v, wasm_f32x4_splat(12582912.0f));
    return {wasm_i32x4_shl(wasm_i32x4_add(bits, wasm_i32x4_splat(127)), 23)};
  }
  float sum() const {
    const v128_t pairs = wasm_f32x4_add(v, wasm_i64x2_shuffle(v, v, 1, 1));
    return wasm_f32x4_extract_lane(pairs, 0) + wasm_f32x4_extract_lane(pairs, 1);
  }
  float largest() const {
    const Vec4 pairs = max({v}, {wasm_i64x2_shuffle(v, v, 1, 1)});
    return wasm_f32x4_extract_lane(max(pairs, one_of_four<1>(pairs)).v, 0);
  }

  friend Vec4 operator+(Vec4 a, Vec4 b) { return {wasm_f32x4_add(a.v, b.v)}; }
  friend Vec4 operator-(Vec4 a, Vec4 b) { return {wasm_f32x4_sub(a.v, b.v)}; }
  friend Vec4 operator*(Vec4 a, Vec4 b) { return {wasm_f32x4_mul(a.v, b.v)}; }
  friend Vec4 operator/(Vec4 a, Vec4 b) { return {wasm_f32x4_div(a.v, b.v)}; }
};

}  // namespace
}  // namespace tfsparse
