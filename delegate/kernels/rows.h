// The fully connected layer: rows of weights times one vector.
#pragma once

#include "delegate/kernels/simd.h"

namespace tfsparse {
namespace {

constexpr int kRowsAtOnce = 4;  // share each load of x, and keep that many streams of weights going

template <int R>
void dense_row_block(const DenseRowsArgs& a, int row) {
  const float* weights = a.weights + static_cast<std::size_t>(row) * a.depth;
  Vec acc[R];
  TFSPARSE_UNROLL
  for (int r = 0; r < R; ++r) acc[r] = Vec::broadcast(0.0f);
  int d = 0;
  for (; d + Vec::kLanes <= a.depth; d += Vec::kLanes) {
    const Vec x = Vec::load(a.x + d);
    TFSPARSE_UNROLL
    for (int r = 0; r < R; ++r) {
      acc[r] = Vec::fma(x, Vec::load(weights + static_cast<std::size_t>(r) * a.depth + d), acc[r]);
    }
  }
  if (d < a.depth) {
    const int lanes = a.depth - d;
    const Vec x = load_first<Vec>(a.x + d, lanes);
    TFSPARSE_UNROLL
    for (int r = 0; r < R; ++r) {
      const float* w = weights + static_cast<std::size_t>(r) * a.depth + d;
      acc[r] = Vec::fma(x, load_first<Vec>(w, lanes), acc[r]);
    }
  }
  TFSPARSE_UNROLL
  for (int r = 0; r < R; ++r) a.y[row + r] = acc[r].sum() + (a.bias ? a.bias[row + r] : 0.0f);
}

void dense_rows(const DenseRowsArgs& a) {
  int row = 0;
  for (; row + kRowsAtOnce <= a.rows; row += kRowsAtOnce) dense_row_block<kRowsAtOnce>(a, row);
  for (; row < a.rows; ++row) dense_row_block<1>(a, row);
  finish_run(a.epilogue, a.y, nullptr, a.rows);
}

void sparse_rows(const SparseRowsArgs& a) {
  const float* values = a.values;
  const std::int32_t* offsets = a.offsets;
  for (int row = 0; row < a.rows; ++row) {
    const int nnz = a.row_nnz[row];
    float parts[4] = {a.bias ? a.bias[row] : 0.0f, 0.0f, 0.0f, 0.0f};
    int i = 0;
    for (; i + 4 <= nnz; i += 4) {
      for (int p = 0; p < 4; ++p) parts[p] += values[i + p] * a.x[offsets[i + p]];
    }
    for (; i < nnz; ++i) parts[0] += values[i] * a.x[offsets[i]];
    a.y[row] = (parts[0] + parts[1]) + (parts[2] + parts[3]);
    values += nnz;
    offsets += nnz;
  }
  finish_run(a.epilogue, a.y, nullptr, a.rows);
}

}  // namespace
}  // namespace tfsparse
