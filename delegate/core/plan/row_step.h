// Steps that can compute their output some rows at a time.
#pragma once

#include <cstdint>

#include "delegate/core/plan/layout.h"
#include "delegate/core/plan/step.h"

namespace tfsparse {

struct Rows {
  int begin = 0, end = 0;
  int count() const { return end - begin; }
};

// Rows of all channels in CHW. Row r of channel c: base + c * stride + (r - first) * width.
struct RowsView {
  PaddedElements base;
  std::uint64_t stride = 0;
  int first = 0;
};

class RowStep : public Step {
 public:
  // Prepares an image, before its first row.
  virtual void begin_image(const RunContext&, int /*image*/) const {}
  // The input rows that the output rows depend on, clipped to the input.
  virtual Rows input_rows(Rows output) const = 0;
  // Computes output rows of all channels on the calling thread.
  virtual void run_rows(const RunContext& context, int image, Rows output, const RowsView& x,
                        const RowsView& y, PaddedElements scratch) const = 0;

  ChwLayout x_chw, y_chw;
  // Unset between steps of one row tiling. x_value is unset if the step reads TFLite's order.
  PaddedValue x_value, y_value;
};

// A step's input: CHW, or TFLite's order for some bordered convolutions. Both are unset if the
// input is a tile of a row tiling.
struct RowInput {
  PaddedValue value;
  Value flat;
  ChwLayout chw;  // the stride applies to `value` only
};

}  // namespace tfsparse
