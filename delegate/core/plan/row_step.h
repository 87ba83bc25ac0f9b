// Steps that can compute some rows of their output at a time.
#pragma once

#include <cstdint>

#include "delegate/core/plan/layout.h"
#include "delegate/core/plan/step.h"

namespace tfsparse {

struct Rows {
  int begin = 0, end = 0;
  int count() const { return end - begin; }
};

// Rows of all channels in CHW: row r of channel c at base + c * stride + (r - first) * width.
struct RowsView {
  PaddedElements base;
  std::uint64_t stride = 0;
  int first = 0;
};

class RowStep : public Step {
 public:
  // What is done for an image before any of its rows.
  virtual void begin_image(const RunContext&, int /*image*/) const {}
  // The input rows that output rows are made from, within the input.
  virtual Rows input_rows(Rows output) const = 0;
  // Computes output rows of all channels, on the calling thread.
  virtual void run_rows(const RunContext& context, int image, Rows output, const RowsView& x,
                        const RowsView& y, PaddedElements scratch) const = 0;

  ChwLayout x_chw, y_chw;
  // None between steps that are tiled together; no x_value where TFLite's order is read.
  PaddedValue x_value, y_value;
};

// Where a step reads: CHW or, which a bordered convolution may, TFLite's order. Neither where the
// step before it is tiled together with it.
struct RowInput {
  PaddedValue value;
  Value flat;
  ChwLayout chw;  // stride holds for `value` only
};

}  // namespace tfsparse
