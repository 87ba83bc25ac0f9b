// QUANTIZE, and DEQUANTIZE of a tensor that is computed: see constant.h for one of a constant.
#pragma once

#include <string>

#include "delegate/core/graph/graph.h"

namespace tfsparse {

// From float to int8, from int8 to float, or from int8 to int8 of another scale.
class Quantize : public DefineOperator<Quantize> {
 public:
  bool computes_in(DType type) const override;
  bool changes_type() const override { return true; }
  std::string unsupported_because(const SupportContext& context, const Node& node) const override;
  Status infer(ShapeContext* context, const Node& node) override;
  Status build(PlanBuilder* builder, const Node& node) const override;
  Status build_int8(PlanBuilder* builder, const Node& node) const override;
};

}  // namespace tfsparse
