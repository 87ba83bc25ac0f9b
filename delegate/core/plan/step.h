// A unit of work in a plan.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "delegate/core/plan/elements.h"
#include "delegate/core/plan/threads.h"
#include "delegate/kernels/int8/kernels.h"
#include "delegate/kernels/kernels.h"

namespace tfsparse {

constexpr int kGrain = 4096;  // elements that are worth waking a thread for

// A tensor in one layout (values.h), by number. Its memory may be the caller's.
struct Value {
  int number = -1;
  bool exists() const { return number >= 0; }
};

// A value in the plan's own memory. Created by class Values.
class PaddedValue : public Value {
 public:
  PaddedValue() = default;

 private:
  friend class Values;
  explicit PaddedValue(int number) : Value{number} {}
};

// The addresses of values during a run.
class ValueTable {
 public:
  Elements operator[](Value value) const { return all_[value.number]; }
  PaddedElements operator[](PaddedValue value) const { return own_[value.number]; }

  // Takes the values in the plan's own memory; null pointers for the others.
  explicit ValueTable(std::vector<PaddedElements> own = {})
      : own_(std::move(own)), all_(own_.begin(), own_.end()) {}
  // Sets the address of a value in the caller's memory.
  void set(Value value, void* first) {
    Elements& elements = all_[value.number];
    elements = Elements(first, elements.element_bytes());
  }

 private:
  std::vector<PaddedElements> own_;
  std::vector<Elements> all_;
};

// The arguments of Step::run.
struct RunContext {
  const ValueTable& values;
  const PaddedElements* scratch;  // per worker
  const Kernels& kernels;
  const int8::Kernels& int8_kernels;
  ThreadPool& pool;
  double* part_seconds;  // where a step adds the time of each part, or null
};

// The part of a step that computes one node.
struct StepPart {
  int node_id = -1;    // the caller's number of the node; -1 for a layout change
  std::string kernel;  // for reports
  double macs = 0;     // executed MACs, zeros skipped
};

class Step {
 public:
  virtual ~Step() = default;
  virtual void run(const RunContext& context) const = 0;

  std::vector<StepPart> parts = std::vector<StepPart>(1);  // several in row tiling
  std::uint64_t scratch_bytes = 0;                         // per worker
  std::vector<Value> reads;
  std::vector<Value> writes;
};

}  // namespace tfsparse
