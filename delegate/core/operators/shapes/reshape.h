// RESHAPE, SQUEEZE and EXPAND_DIMS: they change the shape and move no data.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "delegate/core/operators/shapes/move.h"

namespace tfsparse {

class Reshaping : public Move {
 public:
  bool is(OperatorKind kind) const override { return kind == kind_of<Reshaping>(); }
  std::string unsupported_because(const SupportContext& context, const Node& node) const override;
  DefaultWork default_work(const WorkContext& context, const Node& node) const override;
  DefaultWork default_int8_work(const WorkContext& context, const Node& node) const override;
  Status build(PlanBuilder* builder, const Node& node) const override;
};

// Inputs: the tensor, and its new shape unless that is a parameter.
class Reshape : public DefineOperator<Reshape, Reshaping> {
 public:
  explicit Reshape(Shape shape = {}) : shape_(std::move(shape)) {}

  Status infer(ShapeContext* context, const Node& node) override;
  void hash(Hasher* hasher) const override;
  std::vector<std::size_t> shape_inputs(const Node& node) const override;

 private:
  Shape shape_;
};

class Squeeze : public DefineOperator<Squeeze, Reshaping> {
 public:
  explicit Squeeze(std::vector<int> axes = {}) : axes_(std::move(axes)) {}

  Status infer(ShapeContext* context, const Node& node) override;
  void hash(Hasher* hasher) const override;

 private:
  std::vector<int> axes_;  // to drop; if empty, all dimensions of size 1
};

// Inputs: the tensor, the axis.
class ExpandDims : public DefineOperator<ExpandDims, Reshaping> {
 public:
  std::string unsupported_because(const SupportContext& context, const Node& node) const override;
  Status infer(ShapeContext* context, const Node& node) override;
};

}  // namespace tfsparse
