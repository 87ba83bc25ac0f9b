// The products of a transposed convolution by its definition: each input pixel is scattered.
#pragma once

#include <cstddef>

#include "delegate/core/graph/graph.h"
#include "delegate/core/operators/window.h"

namespace tfsparse {
namespace testing {

// Calls f(position in x, in w, in y) for each product of an input and a weight, and the output that
// it is added to. x and y are [batch, height, width, channels], w is [outputs, height, width,
// inputs].
template <class F>
void for_each_scattered(const Window& window, const Shape& x, const Shape& w, const Shape& y,
                        const F& f) {
  const std::size_t count = static_cast<std::size_t>(element_count(x));
  for (std::size_t i = 0; i < count; ++i) {
    const int channel = static_cast<int>(i) % x[3], column = static_cast<int>(i) / x[3] % x[2];
    const int row = static_cast<int>(i) / x[3] / x[2] % x[1];
    const int image = static_cast<int>(i) / x[3] / x[2] / x[1];
    for (int ky = 0; ky < w[1]; ++ky) {
      for (int kx = 0; kx < w[2]; ++kx) {
        const int oy = row * window.stride_h + ky - window.pad_top;
        const int ox = column * window.stride_w + kx - window.pad_left;
        if (oy < 0 || oy >= y[1] || ox < 0 || ox >= y[2]) continue;
        for (int o = 0; o < w[0]; ++o) {
          f(i, ((o * w[1] + ky) * w[2] + kx) * w[3] + channel,
            ((image * y[1] + oy) * y[2] + ox) * y[3] + o);
        }
      }
    }
  }
}

}  // namespace testing
}  // namespace tfsparse
