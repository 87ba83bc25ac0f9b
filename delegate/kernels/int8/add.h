// Adding two tensors of codes, whole or as the residual of a product.
#pragma once

#include "delegate/kernels/int8/simd.h"

namespace tfsparse {
namespace int8 {
namespace {

class AddVectors {
 public:
  explicit AddVectors(const Add& add) : sum_(add), finish_(add.output) {}

  TFSPARSE_INLINE Quads of(Quads a, Quads b) const {
    Ints sums[4];
    sum_.of(a, b, sums);
    return finish_.codes(sums[0], sums[1], sums[2], sums[3]);
  }

 private:
  WeightedSum sum_;
  Finish finish_;
};

}  // namespace
}  // namespace int8
}  // namespace tfsparse
