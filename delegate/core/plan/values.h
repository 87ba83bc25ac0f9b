// The tensors of a plan, each in TFLite's order, in CHW, or in both.
#pragma once

#include <memory>
#include <vector>

#include "delegate/core/graph/graph.h"
#include "delegate/core/plan/memory.h"
#include "delegate/core/plan/step.h"

namespace tfsparse {

// A *value* is a tensor in one layout. A request for a layout that a tensor does not have yet adds
// a step that changes the layout.
//
// CHW is quad planes for int8 tensors, channel planes for all others (layout.h).
//
// The graph's inputs and outputs are in the caller's memory. They are float32 or int8, and nothing
// behind their last element may be accessed. A step that reads or writes past the end needs a
// PaddedValue, which is always in the plan's own memory.
class Values {
 public:
  Values(const Graph& graph, std::size_t element_bytes, std::vector<std::unique_ptr<Step>>* steps)
      : graph_(graph),
        float_bytes_(element_bytes),
        steps_(*steps),
        flat_(graph.tensors.size()),
        chw_(graph.tensors.size()) {}

  // Adds a value that is no tensor of the graph, such as scratch, of the float kernels' elements or
  // of bytes.
  PaddedValue add(std::uint64_t elements);
  PaddedValue add_bytes(std::uint64_t bytes);
  // Defines the value that a step is about to write. A float tensor of single pixels has one value,
  // as both layouts are the same.
  Value define_flat(int tensor);
  Value define_chw(int tensor);
  Value define(int tensor, bool in_chw) {
    return in_chw ? define_chw(tensor) : define_flat(tensor);
  }
  // Shares the values of another tensor with the same elements in the same order.
  void define_alias(int tensor, int other);

  // The tensor's value in that layout. Adds a layout change if needed.
  Value flat(int tensor);
  Value chw(int tensor);
  Value get(int tensor, bool in_chw) { return in_chw ? chw(tensor) : flat(tensor); }
  bool has_chw(int tensor) const { return chw_[tensor].exists(); }
  // The same value in the plan's own memory. Copies it if it is in the caller's.
  PaddedValue padded(Value value);

  std::uint64_t elements(Value value) const { return known_[value.number].elements; }
  std::size_t element_bytes(Value value) const { return known_[value.number].element_bytes; }

  // Binds an input or output of the graph to the caller's memory.
  Value bind_input(int tensor);
  Value bind_output(int tensor);

  // The first error, such as a request for a tensor that no node writes.
  const Status& status() const { return status_; }

  // Plans one block of memory for all values but the caller's, from the steps' reads and writes.
  // Sets `offsets` to the offset of each value in bytes, or -1.
  ArenaPlan plan_memory(std::vector<std::ptrdiff_t>* offsets) const;

 private:
  struct Known {
    std::uint64_t elements = 0;
    std::size_t element_bytes = 0;
    bool is_callers = false;
    bool is_padded = false;  // must stay in the plan's memory
    PaddedValue copy;        // a padded copy of a value in the caller's memory
  };

  Value add_known(std::uint64_t elements, std::size_t element_bytes);
  bool is_int8(int tensor) const { return graph_.tensors[tensor].type == DType::kInt8; }
  std::size_t tensor_bytes(int tensor) const { return is_int8(tensor) ? 1 : float_bytes_; }
  // Whether the caller has the tensor in another type than the kernels.
  bool needs_conversion(int tensor) const {
    return !is_int8(tensor) && float_bytes_ != sizeof(float);
  }
  const Shape& shape(int tensor) const { return graph_.tensors[tensor].shape; }

  const Graph& graph_;
  std::size_t float_bytes_;  // of an element of the float kernels
  std::vector<std::unique_ptr<Step>>& steps_;
  std::vector<Known> known_;  // by value
  std::vector<Value> flat_;   // by tensor, in TFLite's order, if any
  std::vector<Value> chw_;    // by tensor, in CHW, if any
  Status status_;
};

}  // namespace tfsparse
