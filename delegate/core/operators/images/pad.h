// PAD and PADV2.
#pragma once

#include <string>
#include <vector>

#include "delegate/core/operators/shapes/move.h"

namespace tfsparse {

// Inputs: the tensor, the padding before and after each dimension, and the value (default 0).
class Pad : public DefineOperator<Pad, Move> {
 public:
  std::vector<int> begin;  // by dimension, where the input begins in the output; set by infer

  std::string unsupported_because(const SupportContext& context, const Node& node) const override;
  Status infer(ShapeContext* context, const Node& node) override;
  DefaultWork default_work(const WorkContext& context, const Node& node) const override;
  Status build(PlanBuilder* builder, const Node& node) const override;
};

}  // namespace tfsparse
