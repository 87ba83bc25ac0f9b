// The bordered copy of its input that a convolution reads, unless it is a 1x1 convolution of stride
// 1, which reads the input itself.
#pragma once

#include <cstddef>
#include <cstdint>

#include "delegate/core/graph/graph.h"
#include "delegate/core/operators/window.h"

namespace tfsparse {

// The bordered copy of one image: every channel's plane `plane` elements apart, in it a plane for
// each phase of the stride that the kernel reads.
struct ConvolutionBorder {
  int rows = 0, columns = 0;  // before sorting
  int phases_h = 0, phases_w = 0;
  int pitch = 0;  // elements from a row to the next of the same phase
  int phase_plane = 0;
  std::uint64_t plane = 0;

  // Pixels of the copy from the first of a row to that of a tap.
  int offset(const Window& window, int dy, int dx) const;

  // How many rows of an output to compute as one run: as many as have `most` pixels, evened out
  // over the image.
  int rows_together(int height, int width, int most) const;

  // Sets the arguments of the kernel that makes the copy of an image of this size. `unit` is the
  // size of a pixel.
  template <class Layout, class PadArgs>
  void describe(const Window& window, const Layout& image, std::ptrdiff_t unit,
                PadArgs* args) const {
    window.describe(args);
    args->in_h = image.height;
    args->in_w = image.width;
    args->out_h = rows;
    args->out_w = columns;
    args->phases_h = phases_h;
    args->phases_w = phases_w;
    args->row_stride = unit * pitch;
    args->column_phase_stride = unit * phase_plane;
    args->row_phase_stride = phases_w * args->column_phase_stride;
  }
};

// `conv` is a Convolution that is not pointwise.
ConvolutionBorder border_of(const Graph& graph, const Node& conv);

// Elements of the copy of one image; 0 where there is none.
std::uint64_t border_elements(const Graph& graph, const Node& conv);

}  // namespace tfsparse
