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
  static Ints broadcast(std::int32_t x) { return {{x, x, x, x}}; }
  void store(std::int32_t* p) const { std::memcpy(p, v, sizeof v); }
};

struct Factor {
  float v;

  static Factor broadcast(float x) { return {x}; }
  // Rounded to the nearest, halves to even. A result that is no int32 is undefined.
  Ints scale(Ints a) const {
    for (std::int32_t& x : a.v) x = static_cast<std::int32_t>(std::lrint(x * v));
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
  Ints total() const { return v; }
};

struct Narrowing {
  int zero_point;

  static Narrowing of(int zero_point) { return {zero_point}; }
  // In every four lanes: those of a, b, c and d, plus the zero point, saturated.
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
      sums[i / 4].v[i % 4] = (sum + (1 << (add_.shift - 1))) >> add_.shift;
    }
  }

 private:
  const Add& add_;
};

}  // namespace
}  // namespace int8
}  // namespace tfsparse
