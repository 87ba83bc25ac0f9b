// Resizing of planes to other sizes, from tables of where each output row and column comes from.
#pragma once

#include "delegate/kernels/elementwise.h"
#include "delegate/kernels/layout.h"

namespace tfsparse {
namespace {

template <class V>
V blend(V a, V b, V weight_of_b) {
  return V::fma(b, weight_of_b, a * (V::broadcast(1.0f) - weight_of_b));
}

// A vector of output columns whose input is a vector of neighbours: so are all when enlarging.
// Never reads beyond the row.
template <class V, bool Blends>
class NearColumns {
 public:
  static bool has(const ResizeArgs& a, int column, int lanes) {
    const int last = smaller(a.columns[column + lanes - 1] + Blends, a.in_w - 1);
    return last - first_of(a, column) < V::kLanes;
  }

  NearColumns(const ResizeArgs& a, int column, int)
      : first_(first_of(a, column)),
        size_(a.in_w - first_),
        left_(V::lanes_at(a.columns + column, first_, size_ - 1)),
        right_(V::lanes_at(a.columns + column, first_ - 1, size_ - 1)),
        weights_(Blends ? V::load(a.column_weights + column) : V::broadcast(0.0f)) {}

  V of_row(const Element* row) const {
    const Element* x = row + first_;
    const V in = size_ >= V::kLanes ? V::load(x) : load_first<V>(x, size_);
    const V left = V::permute(in, left_);
    return Blends ? blend(left, V::permute(in, right_), weights_) : left;
  }

 private:
  static int first_of(const ResizeArgs& a, int column) {
    return smaller(a.columns[column], larger(0, a.in_w - V::kLanes));
  }

  int first_, size_;
  typename V::Lanes left_, right_;
  V weights_;
};

TFSPARSE_SCALAR void resize_far(const ResizeArgs& a, int column, int lanes, const Element* x,
                                float* y) {
  for (int i = 0; i < lanes; ++i) {
    const int left = a.columns[column + i], right = smaller(left + 1, a.in_w - 1);
    const float weight = a.column_weights ? a.column_weights[column + i] : 0.0f;
    y[i] = a.column_weights ? x[left] * (1.0f - weight) + x[right] * weight : x[left];
  }
}

// Any other one.
template <class V>
class FarColumns {
 public:
  FarColumns(const ResizeArgs& a, int column, int lanes) : a_(a), column_(column), lanes_(lanes) {}

  V of_row(const Element* row) const {
    float y[V::kLanes] = {};
    resize_far(a_, column_, lanes_, row, y);
    return V::load(y);
  }

 private:
  const ResizeArgs& a_;
  int column_, lanes_;
};

// All rows of a vector of output columns. The input rows that one was blended from stay in
// registers: the next one mostly needs one of them again, or both.
template <class Columns, bool Blends>
void resize_columns(const ResizeArgs& a, int column, int lanes) {
  const Columns columns(a, column, lanes);
  const auto widened = [&](int row) {
    return columns.of_row(elements(a.x) + static_cast<std::ptrdiff_t>(row) * a.in_w);
  };
  FloatVec upper = FloatVec::broadcast(0.0f), lower = upper;
  int held = -2;
  Element* y = elements(a.y) + column;
  for (int row = 0; row < a.out_h; ++row, y += a.out_w) {
    const int from = a.rows[row];
    if (from != held) {
      upper = Blends && from == held + 1 ? lower : widened(from);
      if (Blends) lower = from + 1 < a.in_h ? widened(from + 1) : upper;
      held = from;
    }
    const FloatVec v =
        Blends ? blend(upper, lower, FloatVec::broadcast(a.row_weights[row])) : upper;
    v.store(y, lanes);
  }
}

template <bool Blends>
void resize_plane(const ResizeArgs& a) {
  using Near = NearColumns<FloatVec, Blends>;
  const int lanes = smaller(FloatVec::kLanes, a.out_w);
  for (int begin = 0; begin < a.out_w; begin += FloatVec::kLanes) {
    const int column = smaller(begin, a.out_w - lanes);  // over the one before
    Near::has(a, column, lanes) ? resize_columns<Near, Blends>(a, column, lanes)
                                : resize_columns<FarColumns<FloatVec>, Blends>(a, column, lanes);
  }
}

void resize(const ResizeArgs& args) {
  ResizeArgs a = args;
  for (int plane = 0; plane < a.planes; ++plane) {
    a.row_weights ? resize_plane<true>(a) : resize_plane<false>(a);
    a.x = elements(a.x) + a.x_stride;
    a.y = elements(a.y) + a.y_stride;
  }
}

}  // namespace
}  // namespace tfsparse
