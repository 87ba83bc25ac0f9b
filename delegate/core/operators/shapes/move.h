// The base of operators whose outputs are copies of their inputs' elements.
#pragma once

#include "delegate/core/graph/graph.h"

namespace tfsparse {

// Copies float elements and int8 codes alike. As in TFLite, codes keep their value and not the
// number they stand for: files give the input and the output one scale.
class Move : public Operator {
 public:
  bool computes_in(DType type) const override { return is_float32_or_int8(type); }
  Status build_int8(PlanBuilder* builder, const Node& node) const override {
    return build(builder, node);
  }
};

}  // namespace tfsparse
