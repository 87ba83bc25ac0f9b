// The tensors of a graph as a plan keeps them: each in TFLite's order, in planes, or in both.
#pragma once

#include <memory>
#include <vector>

#include "delegate/core/memory.h"
#include "delegate/core/step.h"

namespace tfsparse {

// A *value* is a tensor in one layout. Asking for a tensor in a layout that it does not have yet
// adds the step that changes the layout.
class Values {
 public:
  Values(const Graph& graph, std::vector<std::unique_ptr<Step>>* steps)
      : graph_(graph),
        steps_(*steps),
        flat_(graph.tensors.size(), -1),
        planes_(graph.tensors.size(), -1) {}

  // A value that is no tensor of the graph.
  int add(std::size_t elements);
  // The value that a step is about to write. A tensor of single pixels, whose planes are in
  // TFLite's order already, has one value only.
  int define_flat(int tensor);
  int define_planes(int tensor);
  // Lets a tensor share the values of another one that has the same elements in the same order.
  void define_alias(int tensor, int other);

  // The tensor's value in TFLite's order or in planes, made if need be.
  int flat(int tensor);
  int planes(int tensor);
  bool has_planes(int tensor) const { return planes_[tensor] >= 0; }

  std::size_t elements(int value) const { return values_[value].elements; }
  // An input or output of the graph: its memory is the caller's.
  void set_external(int value) { values_[value].external = true; }
  bool is_external(int value) const { return values_[value].external; }
  int count() const { return static_cast<int>(values_.size()); }

  // Whether a tensor was asked for that nobody makes: then the graph cannot be run.
  bool reads_unmade() const { return reads_unmade_; }

  // Plans one block of memory for all that is not external, by which steps touch what. `offsets`
  // gets the place of each value in it, or -1.
  ArenaPlan plan_memory(std::vector<std::ptrdiff_t>* offsets) const;

 private:
  struct Value {
    std::size_t elements;
    bool external;
  };

  const Shape& shape(int tensor) const { return graph_.tensors[tensor].shape; }

  const Graph& graph_;
  std::vector<std::unique_ptr<Step>>& steps_;
  std::vector<Value> values_;
  std::vector<int> flat_;    // of each tensor, its value in TFLite's order, or -1
  std::vector<int> planes_;  // of each tensor, its value in planes, or -1
  bool reads_unmade_ = false;
};

}  // namespace tfsparse
