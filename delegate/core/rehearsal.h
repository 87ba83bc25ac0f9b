// Whether a plan is worth its place, found out by running it before it is needed.
#pragma once

#include <functional>
#include <vector>

#include "delegate/core/memory.h"
#include "delegate/core/plan.h"

namespace tfsparse {

// Runs a plan on zeros, in memory of its own that is mapped once: a fresh buffer costs more than
// many a small plan.
class Rehearsal {
 public:
  // Both outlive the rehearsal.
  Rehearsal(Plan* plan, ThreadPool* pool);

  // Returns the seconds of a run as the sum of what every step took in its fastest run so far: what
  // disturbs the machine rarely disturbs the same step each time.
  double run();

 private:
  Plan* plan_;
  ThreadPool* pool_;
  std::vector<Buffer> inputs_, outputs_;
};

struct Comparison {
  bool worth_it;
  double seconds;  // of a run, as far as was looked
};

// Calls `rehearse`, which returns what `Rehearsal::run` does, until it is clear whether that beats
// the default runtime's time. In doubt the default is chosen: then nothing can be lost.
Comparison compare_with_default(const std::function<double()>& rehearse, double default_seconds);

}  // namespace tfsparse
