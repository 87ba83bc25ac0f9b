// Four floats in the compiler's own vector type (g++ and clang): no intrinsic, every processor.
#pragma once

#include <cstdint>

namespace tfsparse {
namespace {

struct Vec4 {
  static constexpr int kLanes = 4;
  static constexpr bool kWidensHalf = false;
  static constexpr bool kFastMasks = false;
  static constexpr bool kFreeMasks = false;
  static constexpr int kFactors = 1;
  static constexpr bool kLoadsFour = false;
  struct Mask {
    int first, last;
  };
  using Edge = Mask;
  struct Lanes {
    int at[kLanes];
  };
  typedef float Floats __attribute__((vector_size(16)));
  typedef std::int32_t Ints __attribute__((vector_size(16)));
  typedef float Unaligned __attribute__((vector_size(16), aligned(4), may_alias));
  Floats v;

  static Vec4 broadcast(float x) { return {Floats{x, x, x, x}}; }
  static Vec4 load(const float* p) { return {*reinterpret_cast<const Unaligned*>(p)}; }
  // The first lanes of an equal or wider vector.
  static Vec4 first_of(Vec4 a) { return a; }
  // The lanes [first, last). Both bounds may be outside the vector.
  static Mask window(int first, int last) {
    return {first > 0 ? first : 0, last < kLanes ? last : kLanes};
  }
  // Loads the lanes of the window. The others are 0 and their memory is not accessed.
  static Vec4 load(const float* p, Mask lanes) {
    Floats v = {0, 0, 0, 0};
    for (int i = lanes.first; i < lanes.last; ++i) v[i] = p[i];
    return {v};
  }
  // The same with the other lanes from `rest`.
  static Vec4 load(const float* p, Mask lanes, Vec4 rest) {
    for (int i = lanes.first; i < lanes.last; ++i) rest.v[i] = p[i];
    return rest;
  }
  static Edge edge(int first, int last) { return window(first, last); }
  // A permutation: lane i takes lane min(indices[i] - first, last), modulo the width.
  static Lanes lanes_at(const std::int32_t* indices, int first, int last) {
    Lanes lanes;
    for (int i = 0; i < kLanes; ++i) {
      const int lane = indices[i] - first;
      lanes.at[i] = (lane < last ? lane : last) & (kLanes - 1);
    }
    return lanes;
  }
  static Vec4 permute(Vec4 a, Lanes lanes) {
    return {Floats{a.v[lanes.at[0]], a.v[lanes.at[1]], a.v[lanes.at[2]], a.v[lanes.at[3]]}};
  }
  // The lanes 0, 2, 4 ... or 1, 3, 5 ... of a followed by b, in the order that in_order() restores.
  static Vec4 even(Vec4 a, Vec4 b) { return {Floats{a.v[0], a.v[2], b.v[0], b.v[2]}}; }
  static Vec4 odd(Vec4 a, Vec4 b) { return {Floats{a.v[1], a.v[3], b.v[1], b.v[3]}}; }
  static Vec4 in_order(Vec4 a) { return a; }
  // The same for the two vectors at p.
  static void load_pairs(const float* p, Vec4* first, Vec4* second) {
    const Vec4 a = load(p), b = load(p + kLanes);
    *first = even(a, b);
    *second = odd(a, b);
  }
  void store(float* p) const { *reinterpret_cast<Unaligned*>(p) = v; }
  void store(float* p, int lanes) const {
    if (lanes >= kLanes) return store(p);
    for (int i = 0; i < lanes; ++i) p[i] = v[i];
  }

  // a * factor + c
  static Vec4 fma(Vec4 a, Vec4 factor, int, Vec4 c) { return fma(a, factor, c); }
  static Vec4 fma_in_place(Vec4 a, Vec4 factor, int, Vec4 c) { return fma(a, factor, c); }
  static Vec4 fma(Vec4 a, Vec4 b, Vec4 c) { return {a.v * b.v + c.v}; }
  static Vec4 min(Vec4 a, Vec4 b) { return {a.v < b.v ? a.v : b.v}; }
  static Vec4 max(Vec4 a, Vec4 b) { return {a.v > b.v ? a.v : b.v}; }
  // The maximum, or b if a is NaN.
  static Vec4 max_number(Vec4 a, Vec4 b) { return max(a, b); }
  // a < b ? yes : no
  static Vec4 if_less(Vec4 a, Vec4 b, Vec4 yes, Vec4 no) { return {a.v < b.v ? yes.v : no.v}; }
  // Adding 1.5 * 2^23 leaves no bits for a fraction; exact for |a| below 2^22.
  static Vec4 round(Vec4 a) { return {(a.v + 12582912.0f) - 12582912.0f}; }
  static Vec4 sqrt(Vec4 a) {
    for (int i = 0; i < kLanes; ++i) a.v[i] = __builtin_sqrtf(a.v[i]);
    return a;
  }
  // 2 to the power of the integer n in [-126, 127]; infinity for 128.
  static Vec4 exp2(Vec4 n) {
    const Ints exponent = __builtin_convertvector(n.v, Ints);
    return {reinterpret_cast<Floats>((exponent + 127) << 23)};
  }
  float sum() const { return (v[0] + v[1]) + (v[2] + v[3]); }
  float largest() const {
    const float low = v[0] > v[1] ? v[0] : v[1];
    const float high = v[2] > v[3] ? v[2] : v[3];
    return low > high ? low : high;
  }

  friend Vec4 operator+(Vec4 a, Vec4 b) { return {a.v + b.v}; }
  friend Vec4 operator-(Vec4 a, Vec4 b) { return {a.v - b.v}; }
  friend Vec4 operator*(Vec4 a, Vec4 b) { return {a.v * b.v}; }
  friend Vec4 operator/(Vec4 a, Vec4 b) { return {a.v / b.v}; }
};

}  // namespace
}  // namespace tfsparse
