// Arithmetic on shapes: SHAPE, STRIDED_SLICE, GATHER, PACK, CONCATENATION, REDUCE_PROD and
// element-wise operators on integers. Models with open sizes compute the target shapes of RESHAPE
// with them.
#pragma once

#include <string>
#include <vector>

#include "delegate/core/graph/graph.h"
#include "delegate/kernels/kernels.h"

namespace tfsparse {

// Evaluated when the plan is made. No step computes it.
class ShapeArithmetic : public Operator {
 public:
  std::string unsupported_because(const SupportContext& context, const Node& node) const override;
  DefaultWork default_work(const WorkContext& context, const Node& node) const override;
  Role role() const override { return Role::kShapeArithmetic; }
  std::vector<std::size_t> shape_inputs(const Node& node) const override;
};

// SHAPE.
class ShapeOf : public DefineOperator<ShapeOf, ShapeArithmetic> {
 public:
  std::string unsupported_because(const SupportContext&, const Node&) const override { return ""; }
  std::vector<std::size_t> shape_inputs(const Node&) const override { return {}; }
  bool computes_in(DType) const override { return true; }  // No values are read.
  Status infer(ShapeContext* context, const Node& node) override;
};

// Slices a shape: one dimension, step 1. Inputs: the shape, begin, end, step.
class SliceOfSizes : public DefineOperator<SliceOfSizes, ShapeArithmetic> {
 public:
  int begin_mask = 0, end_mask = 0, shrink_axis_mask = 0, other_masks = 0;

  std::string unsupported_because(const SupportContext& context, const Node& node) const override;
  Status infer(ShapeContext* context, const Node& node) override;
  void hash(Hasher* hasher) const override;
};

// The numbers at some positions of a vector. Inputs: the vector, the positions.
class GatherSizes : public DefineOperator<GatherSizes, ShapeArithmetic> {
 public:
  Status infer(ShapeContext* context, const Node& node) override;
};

// Packs scalars into a vector, or joins vectors.
class JoinSizes : public DefineOperator<JoinSizes, ShapeArithmetic> {
 public:
  explicit JoinSizes(std::size_t rank) : rank_(rank) {}

  std::string unsupported_because(const SupportContext& context, const Node& node) const override;
  Status infer(ShapeContext* context, const Node& node) override;

 private:
  std::size_t rank_;  // of the inputs: 0 for PACK, 1 for CONCATENATION
};

// The product of a vector. Inputs: the vector, the axis.
class ProductOfSizes : public DefineOperator<ProductOfSizes, ShapeArithmetic> {
 public:
  explicit ProductOfSizes(bool keep_dims) : keep_dims_(keep_dims) {}

  Status infer(ShapeContext* context, const Node& node) override;
  void hash(Hasher* hasher) const override;

 private:
  bool keep_dims_;
};

// An element-wise operator on scalars or vectors. A single number is repeated.
class SizeArithmetic : public DefineOperator<SizeArithmetic, ShapeArithmetic> {
 public:
  explicit SizeArithmetic(Binary binary) : binary_(binary) {}

  Status infer(ShapeContext* context, const Node& node) override;
  void hash(Hasher* hasher) const override;

 private:
  Binary binary_;  // kAdd, kSub, kMul, kMax or kMin
};

}  // namespace tfsparse
