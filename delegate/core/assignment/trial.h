// Decides whether a plan is faster than TFLite's default by running it.
#pragma once

#include <functional>
#include <vector>

#include "delegate/core/plan/memory.h"
#include "delegate/core/plan/plan.h"

namespace tfsparse {

// Runs a plan on zeros. Allocates the memory once, as mapping a new buffer can cost more than a
// run.
class Trial {
 public:
  // Neither is owned; both must outlive the trial.
  Trial(Plan* plan, ThreadPool* pool);

  // Runs the plan once. Returns the sum over its steps of the fastest time so far, in seconds: a
  // disturbance rarely hits the same step twice.
  double run();

 private:
  Plan* plan_;
  ThreadPool* pool_;
  std::vector<Buffer> inputs_, outputs_;
};

struct Comparison {
  bool faster;                      // whether the plan certainly is
  double seconds, default_seconds;  // times of the plan and the default
};

// The share of the default's time that a plan may need to be taken, by the share of its MACs that
// it skips.
double share_to_take(double skipped);

// Calls the two alternately, as the speed of a machine drifts, until it is clear which is faster.
// Each measures again and returns its least time so far in seconds, which never grows. In doubt the
// default is chosen, so that no model becomes slower: the plan is faster if it needs at most
// `share` of the default's time.
Comparison compare(const std::function<double()>& plan_seconds,
                   const std::function<double()>& default_seconds, double share);

}  // namespace tfsparse
