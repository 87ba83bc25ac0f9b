// Fully connected layers: rows of weights times one vector.
#pragma once

#include "delegate/kernels/epilogue.h"
#include "delegate/kernels/gathered_dot.h"

namespace tfsparse {
namespace {

constexpr int kRowsAtOnce = 4;  // share each load of x and keep this many streams of weights busy

template <class V>
V load_weights(const Element* w) {
  return V::load(w);
}
template <class V>
V load_weights(const std::uint16_t* w) {
  return V::widen(w);
}

template <class V>
V load_first_weights(const Element* w, int lanes) {
  return load_first<V>(w, lanes);
}
template <class V>
V load_first_weights(const std::uint16_t* w, int lanes) {
  std::uint16_t padded[V::kLanes] = {};
  for (int i = 0; i < lanes; ++i) padded[i] = w[i];
  return V::widen(padded);
}

// Adds the products of the next N vectors of x with R rows of weights and advances. Sums of other
// rows hide the latency of each addition.
template <int N, class V, int R, class Weight>
TFSPARSE_INLINE void add_products(const Element*& x, const Weight* (&weights)[R], V (&acc)[R]) {
  V in[N], w[R][N];
  TFSPARSE_UNROLL
  for (int i = 0; i < N; ++i) in[i] = V::load(x + i * V::kLanes);
  x = opaque(x + N * V::kLanes);
  TFSPARSE_UNROLL
  for (int r = 0; r < R; ++r) {
    TFSPARSE_UNROLL
    for (int i = 0; i < N; ++i) w[r][i] = load_weights<V>(weights[r] + i * V::kLanes);
    weights[r] = opaque(weights[r] + N * V::kLanes);
  }
  TFSPARSE_UNROLL
  for (int i = 0; i < N; ++i) {
    TFSPARSE_UNROLL
    for (int r = 0; r < R; ++r) acc[r] = opaque(V::fma(in[i], w[r][i], acc[r]));
  }
}

template <class V, int R, class Weight>
void dense_row_block(const RowsArgs& a, int row) {
  const std::size_t depth = a.depth;
  const Element* x = elements(a.x);
  const Weight* weights[R];
  V acc[R];
  TFSPARSE_UNROLL
  for (int r = 0; r < R; ++r) {
    weights[r] = opaque(static_cast<const Weight*>(a.weights) + (row + r) * depth);
    acc[r] = V::broadcast(0.0f);
  }
  std::size_t left = depth / V::kLanes;
  constexpr int kAtOnce = V::kFactors > 1 ? 4 : 1;  // arm64 loads pairs of vectors
  for (; left >= kAtOnce; left -= kAtOnce) add_products<kAtOnce>(x, weights, acc);
  for (; left > 0; --left) add_products<1>(x, weights, acc);
  if (const int lanes = static_cast<int>(depth % V::kLanes); lanes > 0) {
    const V in = load_first<V>(x, lanes);
    TFSPARSE_UNROLL
    for (int r = 0; r < R; ++r) {
      acc[r] = V::fma(in, load_first_weights<V>(weights[r], lanes), acc[r]);
    }
  }
  TFSPARSE_UNROLL
  for (int r = 0; r < R; ++r) {
    elements(a.y)[row + r] = acc[r].sum() + (a.bias ? a.bias[row + r] : 0.0f);
  }
}

template <class V, class Weight>
void dense_rows(const RowsArgs& a) {
  int row = 0;
  for (; row + kRowsAtOnce <= a.rows; row += kRowsAtOnce) {
    dense_row_block<V, kRowsAtOnce, Weight>(a, row);
  }
  for (; row < a.rows; ++row) dense_row_block<V, 1, Weight>(a, row);
  finish_run(a.epilogue, elements(a.y), nullptr, a.rows);
}

// Null if widening takes several instructions: that is slower than reading twice the bytes.
template <class V>
constexpr auto half_rows() -> void (*)(const RowsArgs&) {
  if constexpr (V::kWidensHalf && sizeof(Element) == sizeof(float)) {
    return dense_rows<V, std::uint16_t>;
  } else {
    return nullptr;
  }
}

template <class Offset>
TFSPARSE_SCALAR float sparse_dot(const Element* values, const Offset* offsets, int nnz,
                                 const Element* x) {
  GatheredDot<Offset> even, odd;  // two, to hide the latency of additions
  for (int i = 0; i < nnz; i += kRowGroup) {
    even.add(values + i, x, offsets + i);
    odd.add(values + i + kRowGroup / 2, x, offsets + i + kRowGroup / 2);
  }
  return even.total(odd);
}

template <class Offset>
void sparse_rows(const SparseRowsArgs& a, const Offset* offsets) {
  const Element* values = elements(a.values);
  for (int row = 0; row < a.rows; ++row) {
    const int nnz = a.row_nnz[row];
    elements(a.y)[row] =
        sparse_dot(values, offsets, nnz, elements(a.x)) + (a.bias ? a.bias[row] : 0.0f);
    values += nnz;
    offsets += nnz;
  }
  finish_run(a.epilogue, elements(a.y), nullptr, a.rows);
}

void sparse_rows(const SparseRowsArgs& a) {
  a.narrow_offsets ? sparse_rows(a, a.narrow_offsets) : sparse_rows(a, a.wide_offsets);
}

}  // namespace
}  // namespace tfsparse
