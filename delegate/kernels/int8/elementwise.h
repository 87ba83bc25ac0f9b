// What treats every code by itself, and the mean.
#pragma once

#include "delegate/kernels/int8/add.h"

namespace tfsparse {
namespace int8 {
namespace {

// y = f(a, b)
template <class PairArgs, class F>
void for_each_pair(const PairArgs& a, const F& f) {
  const Quads one_quad = a.b_is_one_quad ? Quads::broadcast(a.b) : Quads::of_code(0);
  for (std::size_t i = 0; i < a.quads; i += Quads::kLanes) {
    const std::size_t left = a.quads - i;
    const int lanes = left < Quads::kLanes ? static_cast<int>(left) : Quads::kLanes;
    const Quads x = Quads::load(a.a + i * kQuad, lanes);
    const Quads y = a.b_is_one_quad ? one_quad : Quads::load(a.b + i * kQuad, lanes);
    f(x, y).store(a.y + i * kQuad, lanes);
  }
}

void add(const AddArgs& a) {
  const AddVectors vectors(a.add);
  for_each_pair(a, [&](Quads x, Quads y) TFSPARSE_INLINE_LAMBDA { return vectors.of(x, y); });
}

void multiply(const MultiplyArgs& a) {
  const CodeProducts products(a.multiply.zero_a, a.multiply.zero_b);
  const Factor factor = Factor::broadcast(a.multiply.multiplier);
  const Finish finish(a.multiply.output);
  for_each_pair(a, [&](Quads x, Quads y) TFSPARSE_INLINE_LAMBDA {
    Ints p[4];
    products.of(x, y, p);
    return finish.codes(factor.scale(p[0]), factor.scale(p[1]), factor.scale(p[2]),
                        factor.scale(p[3]));
  });
}

void prelu(const PreluArgs& a) {
  const WeightedSum difference({a.zero, 0, 1, 0, 0, {}});
  const Factor above = Factor::broadcast(a.above);
  const Finish finish(a.output);
  for (int quad = 0; quad < a.quads; ++quad) {
    const Factor below = Factor::load_group(a.below + std::ptrdiff_t{quad} * kQuad);
    const std::int8_t* x = a.x + quad * a.x_stride;
    std::int8_t* y = a.y + quad * a.y_stride;
    for (int p = 0; p < a.pixels; p += Quads::kLanes, x += kVectorBytes, y += kVectorBytes) {
      const int lanes = smaller(Quads::kLanes, a.pixels - p);
      const Quads codes = Quads::load(x, lanes);
      Ints d[4];
      difference.of(codes, codes, d);
      const auto scaled = [&](int i) { return Factor::by_sign(d[i], above, below).scale(d[i]); };
      finish.codes(scaled(0), scaled(1), scaled(2), scaled(3)).store(y, lanes);
    }
  }
}

// The sums of the four channels, starting from the bias.
inline void sum_pixels(const MeanArgs& a, const std::int8_t* x, std::int32_t* sums) {
  static constexpr std::int8_t kOnes[] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1};
  const LaneWeights ones = LaneWeights::load_group(kOnes);
  Sum sum = Sum::of(Ints::broadcast(0));
  for (int i = 0; i < a.n; i += Quads::kLanes, x += kVectorBytes) {
    sum.add(Quads::load(x, smaller(Quads::kLanes, a.n - i)).transposed(), ones);
  }
  std::int32_t lanes[Quads::kLanes];
  sum.total().store(lanes);
  for (int c = 0; c < kQuad; ++c) {
    sums[c] = a.bias;
    for (int i = c; i < Quads::kLanes; i += kQuad) sums[c] += lanes[i];
  }
}

void mean(const MeanArgs& a) {
  const Finish finish(a.output);
  const Factor factor = Factor::broadcast(a.multiplier);
  for (int quad = 0; quad < a.quads; ++quad) {
    std::int32_t sums[kQuad];
    sum_pixels(a, a.x + quad * a.x_stride, sums);
    const Ints scaled = factor.scale(Ints::load_group(sums));
    finish.codes(scaled, scaled, scaled, scaled).store(a.y + quad * a.y_stride, 1);
  }
}

void lookup(const LookupArgs& a) {
  const ByteTable table(a.table);
  std::size_t i = 0;
  for (; i + kVectorBytes <= a.n; i += kVectorBytes) table.map(a.x + i, a.y + i);
  for (; i < a.n; ++i) a.y[i] = a.table[static_cast<std::uint8_t>(a.x[i])];
}

}  // namespace
}  // namespace int8
}  // namespace tfsparse
