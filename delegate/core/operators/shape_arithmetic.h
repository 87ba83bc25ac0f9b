// SHAPE, STRIDED_SLICE and PACK: integer operators by which models with open sizes compute the
// shapes of their reshapes.
#pragma once

#include <string>
#include <vector>

#include "delegate/core/graph/graph.h"

namespace tfsparse {

// Its results are known when the plan is made: no step computes them.
class ShapeArithmetic : public Operator {
 public:
  DefaultWork default_work(const WorkContext& context, const Node& node) const override;
  Role role() const override { return Role::kShapeArithmetic; }
};

// SHAPE.
class ShapeOf : public DefineOperator<ShapeOf, ShapeArithmetic> {
 public:
  std::string unsupported_because(const SupportContext&, const Node&) const override { return ""; }
  bool computes_in(DType) const override { return true; }  // It reads no values.
  Status infer(ShapeContext* context, const Node& node) override;
};

// A slice of a shape: one dimension, step 1. Inputs: the shape, begin, end, step.
class StridedSlice : public DefineOperator<StridedSlice, ShapeArithmetic> {
 public:
  int begin_mask = 0, end_mask = 0, shrink_axis_mask = 0, other_masks = 0;

  std::string unsupported_because(const SupportContext& context, const Node& node) const override;
  Status infer(ShapeContext* context, const Node& node) override;
  void hash(Hasher* hasher) const override;
  std::vector<std::size_t> shape_inputs(const Node& node) const override;
};

// Scalars to a shape.
class Pack : public DefineOperator<Pack, ShapeArithmetic> {
 public:
  std::string unsupported_because(const SupportContext& context, const Node& node) const override;
  Status infer(ShapeContext* context, const Node& node) override;
  std::vector<std::size_t> shape_inputs(const Node& node) const override;
};

}  // namespace tfsparse
