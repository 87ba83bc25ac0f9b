// The bordered copy of its input that a convolution reads, unless it is a 1x1 convolution of stride
// 1, which reads the input itself.
#pragma once

#include <cstdint>

#include "delegate/core/graph/graph.h"

namespace tfsparse {

// The bordered copy of one image: every channel's plane `plane` elements apart, in it a plane for
// each phase of the stride that the kernel reads.
struct ConvolutionBorder {
  int rows = 0, columns = 0;  // before sorting
  int phases_h = 0, phases_w = 0;
  int pitch = 0;  // elements from a row to the next of the same phase
  int phase_plane = 0;
  std::uint64_t plane = 0;
};

// `conv` is a Convolution that is not pointwise.
ConvolutionBorder border_of(const Graph& graph, const Node& conv);

// Elements of the copy of one image; 0 where there is none.
std::uint64_t border_elements(const Graph& graph, const Node& conv);

}  // namespace tfsparse
