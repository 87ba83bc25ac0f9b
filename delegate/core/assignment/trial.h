// Whether a plan is faster than TFLite's default, found out by running it before it is needed.
#pragma once

#include <functional>
#include <vector>

#include "delegate/core/plan/memory.h"
#include "delegate/core/plan/plan.h"

namespace tfsparse {

// Runs a plan on zeros, in memory of its own that is mapped once: a fresh buffer costs more than
// many a small plan.
class Trial {
 public:
  // Both outlive the trial.
  Trial(Plan* plan, ThreadPool* pool);

  // Returns the seconds of a run as the sum of what every step took in its fastest run so far: what
  // disturbs the machine rarely disturbs the same step each time.
  double run();

 private:
  Plan* plan_;
  ThreadPool* pool_;
  std::vector<Buffer> inputs_, outputs_;
};

struct Comparison {
  bool faster;                      // the plan, beyond doubt
  double seconds, default_seconds;  // of the plan and of the default, as far as was measured
};

// Calls the two in turn until it is clear which is faster, as the speed of a machine changes from
// moment to moment. Each measures once more and returns the least seconds it knows, which never
// grow. In doubt the default is chosen: then nothing can be lost.
Comparison compare(const std::function<double()>& plan_seconds,
                   const std::function<double()>& default_seconds);

}  // namespace tfsparse
