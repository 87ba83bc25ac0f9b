// What the engine asks of an operator. Each operator is a class of its own in operators/, which
// has its parameters and all that is known about it; nothing else tells operators apart.
#pragma once

#include <memory>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "delegate/core/graph/status.h"

namespace tfsparse {

class Hasher;
class PlanBuilder;
class ShapeContext;
class SupportContext;
class WorkContext;
enum class DType;
struct DefaultWork;
struct Epilogue;
struct Graph;
struct Node;

// A class of operators. The engine is compiled without RTTI.
using OperatorKind = const void*;
template <class T>
OperatorKind kind_of() {
  static const char kind = 0;
  return &kind;
}

enum class Role {
  kComputation,      // computes its output when a plan runs
  kConstant,         // makes a stored constant dense or wider: readers take the stored one instead
  kShapeArithmetic,  // computes integers from shapes, when a plan is made
};

// `node` is the node whose operator it is.
class Operator {
 public:
  virtual ~Operator() = default;
  virtual std::unique_ptr<Operator> clone() const = 0;
  // Whether it is of this class or one derived from it; as() asks.
  virtual bool is(OperatorKind) const { return false; }

  // Why the delegate does not run the node, seen by itself; empty where it does. Spatial sizes play
  // no part, since they may still change.
  virtual std::string unsupported_because(const SupportContext& context,
                                          const Node& node) const = 0;
  // Whether the first input and the output may be of this type.
  virtual bool computes_in(DType type) const;

  // Sets the shape of the node's output, and those parameters that follow from shapes. Fails where
  // the shapes of the inputs do not fit each other or the parameters.
  virtual Status infer(ShapeContext* context, const Node& node) = 0;

  // What TFLite's default does for the node: by default, a pass over its inputs and its output.
  virtual DefaultWork default_work(const WorkContext& context, const Node& node) const;

  // Adds the node's steps to a plan. Only where role() is kComputation; the output has elements.
  virtual Status build(PlanBuilder* builder, const Node& node) const;

  // Adds the parameters to a fingerprint. By default there are none.
  virtual void hash(Hasher*) const {}

  virtual Role role() const { return Role::kComputation; }
  // Whether the second input is a matrix of weights.
  virtual bool has_weights() const { return false; }
  // How many outputs it has: each is a node.
  virtual int outputs() const { return 1; }
  // The positions of the inputs that the output's shape is computed from, by their values.
  virtual std::vector<std::size_t> shape_inputs(const Node&) const { return {}; }
  // What an activation behind the node may be folded into; null where it may not.
  virtual Epilogue* foldable_epilogue() { return nullptr; }
};

// Defines what is the same for every operator: `class Softmax : public DefineOperator<Softmax>`.
template <class Self, class Base = Operator>
class DefineOperator : public Base {
 public:
  using Base::Base;

  std::unique_ptr<Operator> clone() const override {
    return std::make_unique<Self>(static_cast<const Self&>(*this));
  }
  bool is(OperatorKind kind) const override { return kind == kind_of<Self>() || Base::is(kind); }
};

// An operator as a value: a copy has parameters of its own.
class AnyOperator {
 public:
  AnyOperator();  // Unsupported
  template <class T, class = std::enable_if_t<std::is_base_of<Operator, T>::value>>
  AnyOperator(T operation) : operation_(std::make_unique<T>(std::move(operation))) {}
  AnyOperator(const AnyOperator& other) : operation_(other->clone()) {}
  AnyOperator(AnyOperator&&) = default;
  AnyOperator& operator=(AnyOperator other) {
    operation_ = std::move(other.operation_);
    return *this;
  }

  Operator* operator->() { return operation_.get(); }
  const Operator* operator->() const { return operation_.get(); }

 private:
  std::unique_ptr<Operator> operation_;
};

}  // namespace tfsparse
