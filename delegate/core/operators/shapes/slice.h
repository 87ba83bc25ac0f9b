// SLICE, STRIDED_SLICE, SPLIT and SPLIT_V: each output is a part of the input.
#pragma once

#include <string>
#include <vector>

#include "delegate/core/operators/shapes/move.h"

namespace tfsparse {

// An operator that copies a part of its input.
class PartOfInput : public Move {
 public:
  // By dimension of the input, set by infer: where the part begins, its size, and its step, which
  // is 1 everywhere if empty.
  std::vector<int> begin;
  Shape size;
  std::vector<int> step;

  std::string unsupported_because(const SupportContext& context, const Node& node) const override;
  Status build(PlanBuilder* builder, const Node& node) const override;

 private:
  bool copies_in_chw(PlanBuilder* builder, const Node& node) const;
};

// Inputs: the tensor, the begin and the size of the part.
class Slice : public DefineOperator<Slice, PartOfInput> {
 public:
  Status infer(ShapeContext* context, const Node& node) override;
};

// Inputs: the tensor, begin, end and step, all by dimension. A set bit of a mask stands for a
// dimension: begin_mask and end_mask for all of it on that side, shrink_axis_mask for one index,
// without the dimension in the output.
class StridedSlice : public DefineOperator<StridedSlice, PartOfInput> {
 public:
  int begin_mask = 0, end_mask = 0, shrink_axis_mask = 0;

  std::string unsupported_because(const SupportContext& context, const Node& node) const override;
  Status infer(ShapeContext* context, const Node& node) override;
  void hash(Hasher* hasher) const override;

 private:
  Status infer_dimension(std::size_t dim, std::int64_t length, std::int64_t first,
                         std::int64_t last);
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
