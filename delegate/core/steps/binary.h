// Steps of element-wise operators on two operands, with broadcasting.
#pragma once

#include <memory>
#include <vector>

#include "delegate/core/plan/layout.h"
#include "delegate/core/plan/step.h"

namespace tfsparse {

// A value or a constant.
struct Operand {
  Value value;
  std::vector<float> constant;
  Shape shape;
};

// In CHW. Each operand is a whole image or has one element per channel.
std::unique_ptr<Step> make_binary_chw(Binary op, const Epilogue& epilogue, Operand a, Operand b,
                                      Value y, const ChwLayout& chw, const Kernels& kernels);

// In TFLite's order, with any shapes that broadcast.
std::unique_ptr<Step> make_binary_flat(Binary op, const Epilogue& epilogue, Operand a, Operand b,
                                       Value y, const Shape& shape, const Kernels& kernels);

}  // namespace tfsparse
