// CAST of sizes: of SHAPE and what is computed from it. See shape_arithmetic.h.
#pragma once

#include <string>
#include <vector>

#include "delegate/core/operators/shapes/shape_arithmetic.h"

namespace tfsparse {

// To integers of another width.
class CastSizes : public DefineOperator<CastSizes, ShapeArithmetic> {
 public:
  Status infer(ShapeContext* context, const Node& node) override;
};

// To floats, with which a network computes on. They are known when the plan is made.
class FloatsOfSizes : public DefineOperator<FloatsOfSizes> {
 public:
  std::string unsupported_because(const SupportContext& context, const Node& node) const override;
  bool computes_in(DType type) const override { return type == DType::kFloat32; }
  bool changes_type() const override { return true; }
  Status infer(ShapeContext* context, const Node& node) override;
  Status build(PlanBuilder* builder, const Node& node) const override;
  std::vector<std::size_t> shape_inputs(const Node&) const override { return {0}; }

 private:
  std::vector<float> sizes_;  // for the current shapes
};

}  // namespace tfsparse
