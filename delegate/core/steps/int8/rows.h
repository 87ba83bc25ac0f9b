// The step of FULLY_CONNECTED on one int8 row: matrix times vector.
#pragma once

#include <memory>

#include "delegate/core/graph/graph.h"
#include "delegate/core/plan/step.h"

namespace tfsparse {

// `node` is a FullyConnected with one row. x and y are in CHW.
Status make_int8_rows(const Graph& graph, const Node& node, PaddedValue x, Value y,
                      const int8::Kernels& kernels, std::unique_ptr<Step>* step);

}  // namespace tfsparse
