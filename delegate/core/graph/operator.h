// The interface of operators. A class in operators/ holds everything about one operator; no other
// code tells operators apart.
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

// Identifies a class of operators: the engine is compiled without RTTI.
using OperatorKind = const void*;
template <class T>
OperatorKind kind_of() {
  static const char kind = 0;
  return &kind;
}

enum class Role {
  kComputation,      // computes its output when a plan runs
  kConstant,         // makes a stored constant dense or wider; readers use the stored constant
  kShapeArithmetic,  // computes integers from shapes, when a plan is made
};

// The argument `node` is always the node that holds this operator.
class Operator {
 public:
  virtual ~Operator() = default;
  virtual std::unique_ptr<Operator> clone() const = 0;
  // Whether this is of that class or derives from it. Used by as().
  virtual bool is(OperatorKind) const { return false; }

  // Why the delegate cannot run the node, regardless of its neighbours. Empty if it can. Ignores
  // spatial sizes, as they may still change.
  virtual std::string unsupported_because(const SupportContext& context,
                                          const Node& node) const = 0;
  // Whether the first input and the output may have this type.
  virtual bool computes_in(DType type) const;
  // Whether the output may be of another type than the first input.
  virtual bool changes_type() const { return false; }

  // Sets the shape of the node's output and the parameters that depend on shapes. Fails if the
  // shapes of the inputs do not fit each other or the parameters.
  virtual Status infer(ShapeContext* context, const Node& node) = 0;

  // The work of TFLite's default for the node, with a float and with an int8 output. By default an
  // element-wise pass.
  virtual DefaultWork default_work(const WorkContext& context, const Node& node) const;
  virtual DefaultWork default_int8_work(const WorkContext& context, const Node& node) const;

  // Add the node's steps to a plan, for a float and for an int8 output. Called only if role() is
  // kComputation, the output is not empty and computes_in() its type.
  virtual Status build(PlanBuilder* builder, const Node& node) const;
  virtual Status build_int8(PlanBuilder* builder, const Node& node) const;

  // Whether int8 tensors of the node are computed in float between two conversions, as there is no
  // int8 kernel: see rewriting/widen.h.
  virtual bool widens_int8(const Graph&, const Node&) const { return false; }

  // Adds the parameters, if any, to a fingerprint.
  virtual void hash(Hasher*) const {}

  virtual Role role() const { return Role::kComputation; }
  // Whether the second input is a matrix of weights, or computed in place of one.
  virtual bool has_weights() const { return false; }
  // The number of outputs. Each one is a node.
  virtual int outputs() const { return 1; }
  // The positions of the inputs whose values determine the output's shape.
  virtual std::vector<std::size_t> shape_inputs(const Node&) const { return {}; }
  // The epilogue into which a following activation can be folded, or null.
  virtual Epilogue* foldable_epilogue() { return nullptr; }
};

// Implements what all operators share: `class Softmax : public DefineOperator<Softmax>`.
template <class Self, class Base = Operator>
class DefineOperator : public Base {
 public:
  using Base::Base;

  std::unique_ptr<Operator> clone() const override {
    return std::make_unique<Self>(static_cast<const Self&>(*this));
  }
  bool is(OperatorKind kind) const override { return kind == kind_of<Self>() || Base::is(kind); }
};

// Holds an operator by value: copying it copies the parameters.
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
