// Where the windows of pooling lie in the plane.
#pragma once

#include "delegate/kernels/simd.h"

namespace tfsparse {
namespace {

// The part of a window within the plane, along one axis.
struct PoolSpan {
  int begin, end;

  PoolSpan(int output, int stride, int pad, int window, int size)
      : begin(larger(0, output * stride - pad)),
        end(smaller(size, output * stride - pad + window)) {}
  int count() const { return end - begin; }
};

template <class PoolArgs>
PoolSpan pool_rows(const PoolArgs& a, int row) {
  return {row, a.stride_h, a.pad_top, a.window_h, a.in_h};
}
template <class PoolArgs>
PoolSpan pool_columns(const PoolArgs& a, int column) {
  return {column, a.stride_w, a.pad_left, a.window_w, a.in_w};
}

}  // namespace
}  // namespace tfsparse
