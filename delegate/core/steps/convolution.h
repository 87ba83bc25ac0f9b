// The step of CONV_2D and of dense layers over many rows.
#pragma once

#include <memory>

#include "delegate/core/graph/graph.h"
#include "delegate/core/plan/row_step.h"

namespace tfsparse {

struct ConvolutionValues {
  RowInput x;
  PaddedValue y;         // unset if the output is a tile
  PaddedValue residual;  // unset if there is none
  PaddedValue border;    // of border_elements(), or unset if that is 0
};

// `node` is a Convolution.
Status make_convolution(const Graph& graph, const Node& node, const ConvolutionValues& values,
                        const Kernels& kernels, std::unique_ptr<RowStep>* step);

}  // namespace tfsparse
