// The steps of arithmetic on two operands that broadcast to each other.
#pragma once

#include <memory>
#include <vector>

#include "delegate/core/plan/layout.h"
#include "delegate/core/plan/step.h"

namespace tfsparse {

// A value, or a constant's values.
struct Operand {
  Value value;
  std::vector<float> constant;
  Shape shape;
};

// Both operands and the result in CHW, or an operand with one element a channel of each image.
std::unique_ptr<Step> make_binary_chw(Binary op, const Epilogue& epilogue, Operand a, Operand b,
                                      Value y, const ChwLayout& chw, const Kernels& kernels);

// All in TFLite's order, any shapes that broadcast.
std::unique_ptr<Step> make_binary_flat(Binary op, const Epilogue& epilogue, Operand a, Operand b,
                                       Value y, const Shape& shape, const Kernels& kernels);

}  // namespace tfsparse
