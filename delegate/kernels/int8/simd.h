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
  explicit Finish(const Output& output)
      : zero_point_(Narrowing::of(output.zero_point)),
        lo_(Quads::of_code(output.lo)),
        hi_(Quads::of_code(output.hi)),
        clamps_(output.lo > -128 || output.hi < 127) {}

  // Whether saturation alone is not enough.
  bool clamps() const { return clamps_; }

  // Of every group of four lanes, those of a, then b, c and d, as bytes.
  template <bool Clamps = true>
  TFSPARSE_INLINE Quads codes(Ints a, Ints b, Ints c, Ints d) const {
    const Quads codes = zero_point_.narrow(a, b, c, d);
    return Clamps ? Quads::max(lo_, Quads::min(hi_, codes)) : codes;
  }

 private:
  Narrowing zero_point_;
  Quads lo_, hi_;
  bool clamps_;
};

}  // namespace
}  // namespace int8
}  // namespace tfsparse
