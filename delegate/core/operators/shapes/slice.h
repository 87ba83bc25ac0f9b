// SLICE, SPLIT and SPLIT_V: each output is a part of the input.
#pragma once

#include <string>
#include <vector>

#include "delegate/core/operators/shapes/move.h"

namespace tfsparse {

// An operator that copies a part of its input.
class PartOfInput : public Move {
 public:
  std::vector<int> begin;  // by dimension, where the part begins in the input; set by infer

  std::string unsupported_because(const SupportContext& context, const Node& node) const override;
  Status build(PlanBuilder* builder, const Node& node) const override;
};

// Inputs: the tensor, the begin and the size of the part.
class Slice : public DefineOperator<Slice, PartOfInput> {
 public:
  Status infer(ShapeContext* context, const Node& node) override;
};

// Inputs: the tensor, the axis, and the sizes of the parts unless they are equal.
class Split : public DefineOperator<Split, PartOfInput> {
 public:
  explicit Split(int parts = 1) : parts_(parts) {}

  Status infer(ShapeContext* context, const Node& node) override;
  void hash(Hasher* hasher) const override;
  int outputs() const override { return parts_; }

 private:
  int parts_;
};

}  // namespace tfsparse
