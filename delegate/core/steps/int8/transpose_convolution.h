// TRANSPOSE_CONV on int8 tensors, as a convolution of stride 1 that computes all phases
// (steps/transpose_convolution.h) and a copy that interleaves them.
#pragma once

#include <memory>

#include "delegate/core/graph/graph.h"
#include "delegate/core/plan/builder.h"
#include "delegate/core/plan/step.h"

namespace tfsparse {

// Whether a convolution that computes all phases is not too large. `node` is a
// TransposeConvolution, as below.
bool has_int8_transpose_convolution(const Graph& graph, const Node& node);

// Makes a graph of that convolution alone. It has the output channels of each phase, filled up to
// whole quads, one phase after the other.
Status convolve_phases(const Graph& graph, const Node& node, Graph* phases);

// The step that writes the pixels of the phases to their places in the output. Both are in CHW.
// `planes` is the shape of that convolution's output, and x its value.
std::unique_ptr<Step> make_int8_interleave(const PlanBuilder& builder, const Node& node,
                                           const Shape& planes, Value x, Value y);

}  // namespace tfsparse
