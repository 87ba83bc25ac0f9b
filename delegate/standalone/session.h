// Runs a .tflite file by itself, without TFLite: all operators of it, or none.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "delegate/core/assignment/assignment.h"
#include "delegate/core/plan/memory.h"
#include "delegate/core/plan/plan.h"

namespace tfsparse {

// A file in memory, whose owner a session becomes.
struct FileBytes {
  std::unique_ptr<char[]> bytes;
  std::size_t size = 0;
};

// An input or output of the file.
struct Port {
  int tensor = -1;  // of graph()
  int place = -1;   // among those of the plan; -1 for an input that no operator reads
  Shape shape;      // that was planned; until then that of the file
  Buffer memory;    // dense, in TFLite's order; float32 or int8
};

class Session {
 public:
  // Fails if the file is damaged or an operator cannot be run. graph() and assignments() then hold
  // what was read before.
  Status read(FileBytes file);

  // To be called once. Prepares to run with this number of threads and these shapes, one for each
  // input; an empty one stands for the shape in the file. Fails if that is open in more than its
  // first dimension, or shapes do not fit. The file is not needed any more and is freed.
  Status plan(const std::vector<Shape>& shapes, int num_threads = 1);

  // Runs from the memory of the inputs to that of the outputs. plan() must have succeeded.
  void run();
  // The same, with the time of every step in plan().
  void run_profiled();

  const Graph& graph() const { return graph_; }
  const std::vector<Assignment>& assignments() const { return assignments_; }
  const Plan* plan() const { return plan_.get(); }  // null before
  std::vector<Port>& inputs() { return inputs_; }
  std::vector<Port>& outputs() { return outputs_; }

 private:
  Status read();
  Status check_ports() const;
  Status check_operators() const;
  Status find_shape(const Port& input, const Shape& given, Shape* shape) const;
  Status make_plan();
  void bind();

  FileBytes file_;
  Status read_;                    // of read()
  Graph graph_;                    // of the whole file; its constants point into it
  std::vector<bool> open_inside_;  // by input, whether a dimension but the first is open
  std::vector<Assignment> assignments_;
  std::vector<Port> inputs_, outputs_;
  std::unique_ptr<ThreadPool> pool_;
  std::unique_ptr<Plan> plan_;
  std::vector<const void*> from_;
  std::vector<void*> to_;
};

}  // namespace tfsparse
