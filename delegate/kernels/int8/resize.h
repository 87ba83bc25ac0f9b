// Resizes quad planes, from tables of the input row and column of each output.
#pragma once

#include "delegate/kernels/int8/simd.h"

namespace tfsparse {
namespace int8 {
namespace {

// The sources of a vector of output columns.
struct ResizeColumns {
  std::int32_t left[Quads::kLanes] = {}, right[Quads::kLanes] = {};
  // Of each four lanes, the weights of the first everywhere, then those of the next ...: in the
  // order of WeightedSum::of().
  std::int32_t weights[4][Quads::kLanes] = {};

  ResizeColumns(const ResizeArgs& a, int column, int lanes) {
    for (int i = 0; i < lanes; ++i) {
      left[i] = a.columns[column + i];
      right[i] = smaller(left[i] + 1, a.in_w - 1);
      if (!a.column_weights) continue;
      for (int c = 0; c < kQuad; ++c) weights[i % 4][i / 4 * 4 + c] = a.column_weights[column + i];
    }
  }
};

// Of two input rows.
inline Quads interpolate(const std::int8_t* upper, const std::int8_t* lower, int row_weight,
                         const ResizeColumns& columns) {
  const WeightedSum rows({0,
                          0,
                          static_cast<std::int16_t>(kResizeOne - row_weight),
                          static_cast<std::int16_t>(row_weight),
                          0,
                          {}});
  Ints left[4], right[4];
  rows.of(Quads::gather(upper, columns.left), Quads::gather(lower, columns.left), left);
  rows.of(Quads::gather(upper, columns.right), Quads::gather(lower, columns.right), right);
  const auto code = [&](int i) {
    return interpolate(left[i], right[i], Ints::load(columns.weights[i]));
  };
  return Narrowing::of(0).narrow<Narrow::kShort>(code(0), code(1), code(2), code(3));
}

void resize(const ResizeArgs& a) {
  for (int column = 0; column < a.out_w; column += Quads::kLanes) {
    const int lanes = smaller(Quads::kLanes, a.out_w - column);
    const ResizeColumns columns(a, column, lanes);
    for (int quad = 0; quad < a.quads; ++quad) {
      const auto input_row = [&](int row) {
        return a.x + quad * a.x_stride + std::ptrdiff_t{smaller(row, a.in_h - 1)} * a.in_w * kQuad;
      };
      std::int8_t* y = a.y + quad * a.y_stride + std::ptrdiff_t{column} * kQuad;
      for (int row = 0; row < a.out_h; ++row, y += std::ptrdiff_t{a.out_w} * kQuad) {
        const std::int8_t* upper = input_row(a.rows[row]);
        const Quads codes = a.row_weights ? interpolate(upper, input_row(a.rows[row] + 1),
                                                        a.row_weights[row], columns)
                                          : Quads::gather(upper, columns.left);
        codes.store(y, lanes);
      }
    }
  }
}

}  // namespace
}  // namespace int8
}  // namespace tfsparse
