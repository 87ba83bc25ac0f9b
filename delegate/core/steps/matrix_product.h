// The step that multiplies matrices of which none is packed when the plan is made.
#pragma once

#include <memory>

#include "delegate/core/graph/shape.h"
#include "delegate/core/graph/status.h"
#include "delegate/core/plan/memory.h"
#include "delegate/core/plan/step.h"

namespace tfsparse {

// Matrices in TFLite's order, the last two dimensions of `shape`: a value or a constant.
struct Matrices {
  Value value;
  Buffer constant;
  Shape shape;
  bool transposed = false;
};

// y = a * b for each matrix of y. Leading dimensions are broadcast. Fails if a matrix is too large
// for the kernels.
Status make_matrix_product(Matrices a, Matrices b, Value y, const Shape& shape,
                           const Kernels& kernels, std::unique_ptr<Step>* step);

}  // namespace tfsparse
