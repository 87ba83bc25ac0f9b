// Four quads as plain numbers: every processor.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>

namespace tfsparse {
namespace int8 {
namespace {

struct Quads {
  static constexpr int kLanes = 4;
  static constexpr std::uint8_t kFlip = 0;
  static constexpr bool kFlipsWeights = false;
  std::int8_t v[16];

  static Quads load(const std::int8_t* p) { return load(p, kLanes); }
  // Of the first `lanes` quads; the others are 0, and memory under them is not touched.
  static Quads load(const std::int8_t* p, int lanes) {
    Quads quads{};
    std::memcpy(quads.v, p, 4 * lanes);
    return quads;
  }
  void store(std::int8_t* p) const { store(p, kLanes); }
  void store(std::int8_t* p, int lanes) const { std::memcpy(p, v, 4 * lanes); }

  // Quads of p.
  static Quads gather(const std::int8_t* p, const std::int32_t* indices) {
    Quads quads;
    for (int i = 0; i < kLanes; ++i) {
      std::memcpy(quads.v + 4 * i, p + std::ptrdiff_t{4} * indices[i], 4);
    }
    return quads;
  }
  // The quad at p, everywhere.
  static Quads broadcast(const std::int8_t* p) {
    Quads quads;
    for (int i = 0; i < 16; ++i) quads.v[i] = p[i % 4];
    return quads;
  }
  // A code, as it is kept inside, everywhere.
  static Quads of_code(int code) {
    Quads quads;
    std::memset(quads.v, code ^ kFlip, sizeof quads.v);
    return quads;
  }
  // Ordered as their codes are.
  static Quads min(Quads a, Quads b) {
    for (int i = 0; i < 16; ++i) a.v[i] = a.v[i] < b.v[i] ? a.v[i] : b.v[i];
    return a;
  }
  static Quads max(Quads a, Quads b) {
    for (int i = 0; i < 16; ++i) a.v[i] = a.v[i] > b.v[i] ? a.v[i] : b.v[i];
    return a;
  }
  // In every four lanes, byte i of lane j becomes byte j of lane i.
  Quads transposed() const {
    Quads to;
    for (int i = 0; i < 16; ++i) to.v[i] = v[i % 4 * 4 + i / 4];
    return to;
  }
  // Of quads as Narrowing::narrow() returns them: those of a, then those of b, c and d.
  Quads in_order() const { return *this; }
  // The same, where a has pixels 0, 2, 4 ..., b has 1, 3, 5 ..., and c and d have those behind.
  Quads in_pair_order() const { return *this; }
  // As TFLite has codes, or back.
  Quads flipped() const { return *this; }
};

// Quads 0, 2, 4 ... from p on, of which the first `lanes` are needed. Reads up to kOverread bytes
// past the last of these.
inline Quads load_even(const std::int8_t* p, int) {
  Quads quads;
  for (int i = 0; i < Quads::kLanes; ++i) std::memcpy(quads.v + 4 * i, p + 8 * i, 4);
  return quads;
}

// Four rows of quads r0 to r3: z[j] has, in the place of every group of four quads and for each of
// the four channels, a lane with the four rows' bytes of quad j of the group. Only Count are
// needed.
template <int Count>
void zip(Quads r0, Quads r1, Quads r2, Quads r3, Quads* z) {
  for (int i = 0; i < 4 * Count; ++i) {
    const std::int8_t column[] = {r0.v[i], r1.v[i], r2.v[i], r3.v[i]};
    std::memcpy(z[i / 4].v + i % 4 * 4, column, 4);
  }
}

// Two rows of quads, the bytes of both in turn: the first half of the pixels is in z[0].
inline void zip_rows(Quads r0, Quads r1, Quads* z) {
  for (int i = 0; i < 16; ++i) {
    z[i / 8].v[i % 8 * 2] = r0.v[i];
    z[i / 8].v[i % 8 * 2 + 1] = r1.v[i];
  }
}

// Two pairs of rows as zip_rows() returns them: as zip(), of every two pixels the first in z[0].
inline void zip_pairs(Quads upper, Quads lower, Quads* z) {
  for (int i = 0; i < 8; ++i) {
    std::memcpy(z[i / 4].v + i % 4 * 4, upper.v + 2 * i, 2);
    std::memcpy(z[i / 4].v + i % 4 * 4 + 2, lower.v + 2 * i, 2);
  }
}

// What zip() returns, to p.
inline void store_zipped(Quads r0, Quads r1, Quads r2, Quads r3, std::int8_t* p) {
  Quads z[4];
  zip<4>(r0, r1, r2, r3, z);
  for (int i = 0; i < 4; ++i) z[i].store(p + i * Quads::kLanes * 4);
}

// Four quads of weights, one for each lane of a group of four.
struct LaneWeights {
  std::int8_t v[16];

  // The same four for all groups.
  static LaneWeights load_group(const std::int8_t* p) { return load(p); }
  // A vector of them.
  static LaneWeights load(const std::int8_t* p) {
    LaneWeights weights;
    std::memcpy(weights.v, p, sizeof weights.v);
    return weights;
  }
};

struct Weights {
  static constexpr int kCount = 1;
  std::int8_t v[4];

  explicit Weights(const std::int8_t* p) { std::memcpy(v, p, sizeof v); }
};

struct Ints {
  std::int32_t v[4];

  static Ints load(const std::int32_t* p) {
    Ints ints;
    std::memcpy(ints.v, p, sizeof ints.v);
    return ints;
  }
  // The same four for every group of four lanes.
  static Ints load_group(const std::int32_t* p) { return load(p); }
  static Ints broadcast(std::int32_t x) { return {{x, x, x, x}}; }
  void store(std::int32_t* p) const { std::memcpy(p, v, sizeof v); }
};

// a + (b - a) * weight / 2^10, divided by 2^10 and rounded to the nearest, halves away from zero.
inline Ints interpolate(Ints a, Ints b, Ints weight) {
  for (int i = 0; i < 4; ++i) {
    const std::int32_t sum = a.v[i] * 1024 + (b.v[i] - a.v[i]) * weight.v[i];
    a.v[i] = (sum + (1 << 19) - (sum < 0)) >> 20;
  }
  return a;
}

struct Factor {
  float v[4];

  static Factor broadcast(float x) { return {{x, x, x, x}}; }
  // One for each lane, or the same four for every group of four.
  static Factor load(const float* p) { return {{p[0], p[1], p[2], p[3]}}; }
  static Factor load_group(const float* p) { return load(p); }
  // Of each lane, the one for its sign.
  static Factor by_sign(Ints a, Factor positive, Factor negative) {
    for (int i = 0; i < 4; ++i) positive.v[i] = a.v[i] < 0 ? negative.v[i] : positive.v[i];
    return positive;
  }
  // Rounded to the nearest, halves to even. A result that is no int32 is undefined.
  Ints scale(Ints a) const {
    for (int i = 0; i < 4; ++i) a.v[i] = static_cast<std::int32_t>(std::lrint(a.v[i] * v[i]));
    return a;
  }
};

struct Sum {
  Ints v;

  static Sum of(Ints start) { return {start}; }
  // += the dot product of each quad of x and quad Lane of w
  template <int Lane>
  void add(Quads x, const Weights& w) {
    for (int i = 0; i < 16; ++i) v.v[i / 4] += x.v[i] * w.v[i % 4];
  }
  void add(Quads x, const LaneWeights& w) {
    for (int i = 0; i < 16; ++i) v.v[i / 4] += x.v[i] * w.v[i];
  }
  Ints total() const { return v; }
};

struct Narrowing {
  static constexpr bool kHasShort = false;
  int zero_point;

  static Narrowing of(int zero_point) { return {zero_point}; }
  // In every four lanes: those of a, b, c and d, plus the zero point, saturated.
  template <Narrow>
  Quads narrow(Ints a, Ints b, Ints c, Ints d) const {
    Quads quads;
    const Ints all[] = {a, b, c, d};
    for (int i = 0; i < 16; ++i) quads.v[i] = saturated(all[i / 4].v[i % 4]);
    return quads;
  }

 private:
  std::int8_t saturated(std::int64_t x) const {
    x += zero_point;
    return static_cast<std::int8_t>(x < -128 ? -128 : x > 127 ? 127 : x);
  }
};

// a * multiplier_a + b * multiplier_b of the codes of two tensors, see Add.
class WeightedSum {
 public:
  explicit WeightedSum(const Add& add) : add_(add) {}

  // Of every four quads, the numbers of the first in sums[0], of the next in sums[1] ...
  void of(Quads a, Quads b, Ints* sums) const {
    for (int i = 0; i < 16; ++i) {
      const std::int32_t sum =
          (a.v[i] - add_.zero_a) * add_.multiplier_a + (b.v[i] - add_.zero_b) * add_.multiplier_b;
      sums[i / 4].v[i % 4] = (sum + ((1 << add_.shift) >> 1)) >> add_.shift;
    }
  }

 private:
  Add add_;
};

// (a - zero_a) * (b - zero_b) of the codes of two tensors.
struct CodeProducts {
  int zero_a, zero_b;

  CodeProducts(int zero_a, int zero_b) : zero_a(zero_a), zero_b(zero_b) {}

  // In the order of WeightedSum::of().
  void of(Quads a, Quads b, Ints* products) const {
    for (int i = 0; i < 16; ++i) products[i / 4].v[i % 4] = (a.v[i] - zero_a) * (b.v[i] - zero_b);
  }
};

// A vector of floats.
struct Floats {
  float v[4];

  static Floats load(const float* p) {
    Floats floats;
    std::memcpy(floats.v, p, sizeof floats.v);
    return floats;
  }
  void store(float* p) const { std::memcpy(p, v, sizeof v); }

  // The codes at p, as TFLite has them, minus zero, times factor.
  static Floats of_codes(const std::int8_t* p, Ints zero, Factor factor) {
    Floats floats;
    for (int i = 0; i < 4; ++i) floats.v[i] = static_cast<float>(p[i] - zero.v[i]) * factor.v[i];
    return floats;
  }
  // Times factor, within lo and hi, rounded as by Factor::scale(); 0 for NaN.
  Ints rounded(Factor factor, Floats lo, Floats hi) const {
    Ints ints;
    for (int i = 0; i < 4; ++i) {
      float x = v[i] * factor.v[i];
      x = x != x ? 0.0f : x < lo.v[i] ? lo.v[i] : x > hi.v[i] ? hi.v[i] : x;
      ints.v[i] = static_cast<std::int32_t>(std::lrint(x));
    }
    return ints;
  }
  static Floats broadcast(float x) { return {{x, x, x, x}}; }
};

// A table of 256 bytes, indexed by what bytes are as unsigned.
class ByteTable {
 public:
  explicit ByteTable(const std::int8_t* table) : table_(table) {}

  // y[i] = table[x[i]] for the bytes of a vector. y may be x.
  void map(const std::int8_t* x, std::int8_t* y) const {
    for (int i = 0; i < 16; ++i) y[i] = table_[static_cast<std::uint8_t>(x[i])];
  }

 private:
  const std::int8_t* table_;
};

// Four pixels of three channels become four quads. Reads and writes 16 bytes.
inline void spread_triples(const std::int8_t* x, std::int8_t* y) {
  for (int i = 0; i < 4; ++i) std::memcpy(y + 4 * i, x + 3 * i, 3);
}

}  // namespace
}  // namespace int8
}  // namespace tfsparse
