// The vector types of the instruction set that this file is compiled for. Each header in simd/ has
//   Quads    kLanes quads of activations in a register
//   Weights  kCount quads of weights, each to be multiplied by every quad of a vector
//   Ints     kLanes numbers of 32 bits, a sum or a scaled sum of each lane
//   Sum      an accumulator of dot products, whose total() are Ints
//   Factor   what Ints are multiplied by; SumFactor where they are totals
// with the members that simd/portable.h shows. As in ../simd.h, all of it stands in an anonymous
// namespace.
#pragma once

#include "delegate/kernels/int8/kernels.h"
#include "delegate/kernels/int8/narrow.h"
#include "delegate/kernels/simd.h"

#if defined(__AVX512VNNI__)
#include "delegate/kernels/int8/simd/avx512_vnni.h"
#elif defined(__AVX2__)
#include "delegate/kernels/int8/simd/avx2.h"
#elif defined(TFSPARSE_NEON)
#include "delegate/kernels/int8/simd/neon.h"
#elif defined(__wasm_simd128__)
#include "delegate/kernels/int8/simd/wasm.h"
#else
#include "delegate/kernels/int8/simd/portable.h"
#endif

namespace tfsparse {
namespace int8 {
namespace {

#if !defined(TFSPARSE_NEON)
// What a sum of products is multiplied by.
struct SumFactor : Factor {
  static constexpr bool kFixedPoint = false;

  SumFactor(Factor factor) : Factor(factor) {}
};
#endif

constexpr std::size_t kVectorBytes = Quads::kLanes * kQuad;

// The vectors of four sums each become codes: scaled, moved by the zero point, clamped.
class Finish {
 public:
  explicit Finish(const Output& output, bool short_sums = false)
      : zero_point_(Narrowing::of(output.zero_point)),
        lo_(Quads::of_code(output.lo)),
        hi_(Quads::of_code(output.hi)),
        narrow_(choose(output, short_sums)) {}

  // Calls f with the best way, a constant.
  template <class F>
  TFSPARSE_INLINE auto choose_narrow(const F& f) const {
    if constexpr (Narrowing::kHasShort) {
      if (narrow_ == Narrow::kShortAboveLowest) return f(Constant<Narrow::kShortAboveLowest>());
      if (narrow_ == Narrow::kShort) return f(Constant<Narrow::kShort>());
    } else {
      if (narrow_ == Narrow::kSaturated) return f(Constant<Narrow::kSaturated>());
    }
    return f(Constant<Narrow::kClamped>());
  }

  // Of every group of four lanes, those of a, then b, c and d, as bytes.
  template <Narrow How = Narrow::kClamped>
  TFSPARSE_INLINE Quads codes(Ints a, Ints b, Ints c, Ints d) const {
    const Quads codes = zero_point_.narrow<How>(a, b, c, d);
    return How == Narrow::kClamped ? Quads::max(lo_, Quads::min(hi_, codes)) : codes;
  }

 private:
  template <Narrow How>
  using Constant = std::integral_constant<Narrow, How>;

  static Narrow choose(const Output& output, bool short_sums) {
    if (output.lo > -128 || output.hi < 127) return Narrow::kClamped;
    if (!Narrowing::kHasShort) return Narrow::kSaturated;
    if (!short_sums) return Narrow::kClamped;  // rare: not worth code of its own
    return output.zero_point == -128 ? Narrow::kShortAboveLowest : Narrow::kShort;
  }

  Narrowing zero_point_;
  Quads lo_, hi_;
  Narrow narrow_;
};

}  // namespace
}  // namespace int8
}  // namespace tfsparse
