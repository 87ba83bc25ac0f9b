// Resizing of planes to other sizes, from tables of where each output row and column comes from.
#pragma once

#include "delegate/kernels/elementwise.h"
#include "delegate/kernels/layout.h"

namespace tfsparse {
namespace {

// x[indices[i] - first] of a vector of indices, which lie less than a vector apart. Never reads at
// or past x[size].
template <class V>
V pick(const Element* x, int size, const std::int32_t* indices, int first) {
  const V near = size >= V::kLanes ? V::load(x) : load_first<V>(x, size);
  return V::permute(near, indices, first);
}

// Whether the columns that `lanes` outputs from c on come from fit into a vector: always when
// enlarging.
template <class V>
bool are_near(const ResizeArgs& a, int c, int lanes) {
  return a.columns[c + lanes - 1] - a.columns[c] < V::kLanes;
}

TFSPARSE_SCALAR void pick_far(const ResizeArgs& a, const Element* x, Element* y, int begin,
                              int end) {
  for (int c = begin; c < end; ++c) y[c] = x[a.columns[c]];
}

TFSPARSE_SCALAR void blend_far(const ResizeArgs& a, const Element* x, Element* y, int begin,
                               int end) {
  for (int c = begin; c < end; ++c) {
    const int left = a.columns[c], right = smaller(left + 1, a.in_w - 1);
    y[c] = x[left] * (1.0f - a.column_weights[c]) + x[right] * a.column_weights[c];
  }
}

template <class V>
V blend(V a, V b, V weight_of_b) {
  return V::fma(b, weight_of_b, a * (V::broadcast(1.0f) - weight_of_b));
}

// One input row at the output's width.
inline void resize_row(const ResizeArgs& a, const Element* x, Element* y) {
  for (int c = 0; c < a.out_w; c += FloatVec::kLanes) {
    const int lanes = smaller(FloatVec::kLanes, a.out_w - c), first = a.columns[c];
    if (!are_near<FloatVec>(a, c, lanes)) {
      a.column_weights ? blend_far(a, x, y, c, c + lanes) : pick_far(a, x, y, c, c + lanes);
      continue;
    }
    FloatVec v = pick<FloatVec>(x + first, a.in_w - first, a.columns + c, first);
    if (a.column_weights) {
      const FloatVec right =
          pick<FloatVec>(x + first + 1, a.in_w - first - 1, a.columns + c, first);
      v = blend(v, right, FloatVec::load(a.column_weights + c));
    }
    v.store(y + c, lanes);
  }
}

inline void resize_nearest_plane(const ResizeArgs& a) {
  for (int row = 0; row < a.out_h; ++row) {
    Element* y = elements(a.y) + static_cast<std::ptrdiff_t>(row) * a.out_w;
    if (row > 0 && a.rows[row] == a.rows[row - 1]) {
      copy_strided(y - a.out_w, y, a.out_w, 1);
    } else {
      resize_row(a, elements(a.x) + static_cast<std::ptrdiff_t>(a.rows[row]) * a.in_w, y);
    }
  }
}

// Keeps the two rows that the last output row was blended from: the next one mostly needs one of
// them again, or both.
class WidenedRows {
 public:
  explicit WidenedRows(const ResizeArgs& a) : args_(a) {}

  const Element* at(int row) {
    Element* y = elements(args_.scratch) + row % 2 * static_cast<std::ptrdiff_t>(args_.out_w);
    if (held_[row % 2] != row) {
      resize_row(args_, elements(args_.x) + static_cast<std::ptrdiff_t>(row) * args_.in_w, y);
      held_[row % 2] = row;
    }
    return y;
  }

 private:
  const ResizeArgs& args_;
  int held_[2] = {-1, -1};
};

inline void resize_bilinear_plane(const ResizeArgs& a) {
  WidenedRows rows(a);
  for (int row = 0; row < a.out_h; ++row) {
    const Element* upper = rows.at(a.rows[row]);
    // A row without weight may lie outside.
    const Element* lower = a.row_weights[row] == 0.0f ? upper : rows.at(a.rows[row] + 1);
    const FloatVec weight = FloatVec::broadcast(a.row_weights[row]);
    Element* y = elements(a.y) + static_cast<std::ptrdiff_t>(row) * a.out_w;
    map<FloatVec>(y, static_cast<std::size_t>(a.out_w), [&](std::size_t i, auto load) {
      return blend(load(upper + i), load(lower + i), weight);
    });
  }
}

void resize(const ResizeArgs& args) {
  ResizeArgs a = args;
  for (int plane = 0; plane < a.planes; ++plane) {
    a.row_weights ? resize_bilinear_plane(a) : resize_nearest_plane(a);
    a.x = elements(a.x) + a.x_stride;
    a.y = elements(a.y) + a.y_stride;
  }
}

}  // namespace
}  // namespace tfsparse
