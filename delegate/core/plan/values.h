// The tensors of a graph as a plan keeps them: each in TFLite's order, in CHW, or in both.
#pragma once

#include <memory>
#include <vector>

#include "delegate/core/graph/graph.h"
#include "delegate/core/plan/memory.h"
#include "delegate/core/plan/step.h"

namespace tfsparse {

// A *value* is a tensor in one layout. Asking for a tensor in a layout that it does not have yet
// adds the step that changes the layout.
//
// The caller's memory, that of the graph's inputs and outputs, holds float32 and ends with its last
// element. A step gets at it by a Value, whose elements it must neither read nor write past. What
// only a PaddedValue gives stays in the plan's own memory.
class Values {
 public:
  Values(const Graph& graph, std::size_t element_bytes, std::vector<std::unique_ptr<Step>>* steps)
      : graph_(graph),
        is_float32_(element_bytes == sizeof(float)),
        steps_(*steps),
        flat_(graph.tensors.size()),
        chw_(graph.tensors.size()) {}

  // A value that is no tensor of the graph.
  PaddedValue add(std::uint64_t elements);
  // The value that a step is about to write. A tensor of single pixels, whose order is the
  // same in CHW, has one value only.
  Value define_flat(int tensor);
  Value define_chw(int tensor);
  Value define(int tensor, bool in_chw) {
    return in_chw ? define_chw(tensor) : define_flat(tensor);
  }
  // Lets a tensor share the values of another one that has the same elements in the same order.
  void define_alias(int tensor, int other);

  // The tensor's value in TFLite's order or in CHW, made if need be.
  Value flat(int tensor);
  Value chw(int tensor);
  Value get(int tensor, bool in_chw) { return in_chw ? chw(tensor) : flat(tensor); }
  bool has_chw(int tensor) const { return chw_[tensor].exists(); }
  // The same value, which then stays in the plan's own memory; a copy where it is the caller's.
  PaddedValue padded(Value value);

  std::uint64_t elements(Value value) const { return known_[value.number].elements; }

  // The values in the caller's memory that stand for an input and an output of the graph.
  Value bind_input(int tensor);
  Value bind_output(int tensor);

  // Why the graph cannot be run: a tensor was asked for that nobody makes, say.
  const Status& status() const { return status_; }

  // Plans one block of memory for all that is not the caller's, by which steps touch what.
  // `offsets` gets the offset of each value in it, or -1.
  ArenaPlan plan_memory(std::vector<std::ptrdiff_t>* offsets) const;

 private:
  struct Known {
    std::uint64_t elements = 0;
    bool is_callers = false;
    bool is_padded = false;  // must not become the caller's
    PaddedValue copy;        // of the caller's, made for those who need a padded value
  };

  Value add_known(std::uint64_t elements);
  const Shape& shape(int tensor) const { return graph_.tensors[tensor].shape; }

  const Graph& graph_;
  bool is_float32_;  // the kernels' elements are what the caller has
  std::vector<std::unique_ptr<Step>>& steps_;
  std::vector<Known> known_;  // of each value
  std::vector<Value> flat_;   // of each tensor, its value in TFLite's order, if any
  std::vector<Value> chw_;    // of each tensor, its value in CHW, if any
  Status status_;
};

}  // namespace tfsparse
