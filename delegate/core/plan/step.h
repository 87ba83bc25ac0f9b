// One unit of work of a plan.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "delegate/core/plan/elements.h"
#include "delegate/core/plan/threads.h"
#include "delegate/kernels/kernels.h"

namespace tfsparse {

constexpr int kGrain = 4096;  // elements that are worth waking a thread for

// The number of a value: see values.h. Its memory may be the caller's.
struct Value {
  int number = -1;
  bool exists() const { return number >= 0; }
};

// That of a value in the plan's own memory. Values::padded makes them.
class PaddedValue : public Value {
 public:
  PaddedValue() = default;

 private:
  friend class Values;
  explicit PaddedValue(int number) : Value{number} {}
};

// Where the values are while a plan runs.
class ValueTable {
 public:
  Elements operator[](Value value) const { return all_[value.number]; }
  PaddedElements operator[](PaddedValue value) const { return own_[value.number]; }

  // The values of the plan's own memory, null pointers for the others.
  explicit ValueTable(std::vector<PaddedElements> own = {})
      : own_(std::move(own)), all_(own_.begin(), own_.end()) {}
  void set(Value value, Elements elements) { all_[value.number] = elements; }

 private:
  std::vector<PaddedElements> own_;
  std::vector<Elements> all_;
};

// What a step finds when it runs.
struct RunContext {
  const ValueTable& values;
  const PaddedElements* scratch;  // of each worker
  const Kernels& kernels;
  ThreadPool& pool;
  double* part_seconds;  // where a step of several parts adds their times, or null
};

// What computes one node of the graph.
struct StepPart {
  int node_id = -1;    // the caller's number of the node; -1 for a layout change
  std::string kernel;  // for reports
  double macs = 0;     // MACs done, zeros skipped
};

class Step {
 public:
  virtual ~Step() = default;
  virtual void run(const RunContext& context) const = 0;

  std::vector<StepPart> parts = std::vector<StepPart>(1);  // more where nodes are fused
  std::uint64_t scratch = 0;                               // elements needed by each worker
  std::vector<Value> reads;
  std::vector<Value> writes;
};

}  // namespace tfsparse
