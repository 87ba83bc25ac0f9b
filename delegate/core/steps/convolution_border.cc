#include "delegate/core/steps/convolution_border.h"

#include <algorithm>

#include "delegate/core/operators/weighted/convolution.h"
#include "delegate/core/weights/weights.h"

namespace tfsparse {

ConvolutionBorder border_of(const Graph& graph, const Node& conv) {
  const Window& window = as<Convolution>(conv)->window;
  const Shape w = filter_shape(graph, conv);
  const Shape& y = graph.tensors[conv.output].shape;
  const int reach_h = (w[1] - 1) * window.dilation_h + 1;
  const int reach_w = (w[2] - 1) * window.dilation_w + 1;
  ConvolutionBorder border;
  border.rows = (std::max(y[1], 1) - 1) * window.stride_h + reach_h;
  border.columns = (std::max(y[2], 1) - 1) * window.stride_w + reach_w;
  border.phases_h = std::min(window.stride_h, reach_h);
  border.phases_w = std::min(window.stride_w, reach_w);
  border.pitch = (border.columns + window.stride_w - 1) / window.stride_w;
  border.phase_plane = (border.rows + window.stride_h - 1) / window.stride_h * border.pitch;
  border.plane = plane_stride(static_cast<std::uint64_t>(border.phases_h) * border.phases_w *
                              border.phase_plane);
  return border;
}

int ConvolutionBorder::offset(const Window& window, int dy, int dx) const {
  const int row = dy * window.dilation_h, column = dx * window.dilation_w;
  const int phase = row % window.stride_h * phases_w + column % window.stride_w;
  return phase * phase_plane + row / window.stride_h * pitch + column / window.stride_w;
}

int ConvolutionBorder::rows_together(int height, int width, int most) const {
  height = std::max(1, height);
  const int largest = std::clamp((most - width) / pitch + 1, 1, height);
  const int runs = (height + largest - 1) / largest;
  return (height + runs - 1) / runs;
}

std::uint64_t border_elements(const Graph& graph, const Node& conv) {
  if (is_pointwise(graph, conv)) return 0;
  return border_of(graph, conv).plane * filter_shape(graph, conv)[3];
}

}  // namespace tfsparse
