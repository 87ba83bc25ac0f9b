// SHAPE, STRIDED_SLICE and PACK. Models with open sizes compute the target shapes of RESHAPE with
// them.
#pragma once

#include <string>
#include <vector>

#include "delegate/core/graph/graph.h"

namespace tfsparse {

// Evaluated when the plan is made. No step computes it.
class ShapeArithmetic : public Operator {
 public:
  DefaultWork default_work(const WorkContext& context, const Node& node) const override;
  Role role() const override { return Role::kShapeArithmetic; }
};

// SHAPE.
class ShapeOf : public DefineOperator<ShapeOf, ShapeArithmetic> {
 public:
  std::string unsupported_because(const SupportContext&, const Node&) const override { return ""; }
  bool computes_in(DType) const override { return true; }  // No values are read.
  Status infer(ShapeContext* context, const Node& node) override;
};

// Slices a shape: one dimension, step 1. Inputs: the shape, begin, end, step.
class StridedSlice : public DefineOperator<StridedSlice, ShapeArithmetic> {
 public:
  int begin_mask = 0, end_mask = 0, shrink_axis_mask = 0, other_masks = 0;

  std::string unsupported_because(const SupportContext& context, const Node& node) const override;
  Status infer(ShapeContext* context, const Node& node) override;
  void hash(Hasher* hasher) const override;
  std::vector<std::size_t> shape_inputs(const Node& node) const override;
};

// Packs scalars into a shape.
class Pack : public DefineOperator<Pack, ShapeArithmetic> {
 public:
  std::string unsupported_because(const SupportContext& context, const Node& node) const override;
  Status infer(ShapeContext* context, const Node& node) override;
  std::vector<std::size_t> shape_inputs(const Node& node) const override;
};

}  // namespace tfsparse
