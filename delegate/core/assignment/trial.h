// Decides whether a plan is faster than TFLite's default by running it.
#pragma once

#include <functional>
#include <limits>
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
  // disturbance rarely hits the same step twice. Of a plan with one thread, where the system counts
  // it, the least processor time if that is less: other processes do not add to it.
  double run();

  // The number of runs from which on a plan that is too slow may be left. Other processes can slow
  // several runs down, unless the time is processor time.
  int fewest_runs() const;

 private:
  Plan* plan_;
  ThreadPool* pool_;
  bool counts_processor_time_;
  double processor_seconds_ = std::numeric_limits<double>::infinity();  // of the fastest run
  std::vector<Buffer> inputs_, outputs_;
};

struct Comparison {
  bool faster;                      // whether the plan certainly is
  double seconds, default_seconds;  // times of the plan and the default
};

// The share of the default's time that a plan may need to be taken, by the share of its MACs that
// it skips.
double share_to_take(double skipped);

// Each of the two measures again and returns its least time so far in seconds, which never grows.
// So only one of them can change the decision, and that one is called: the default while the plan
// is faster, the plan while it is not. Ends when this one has settled, or soon if far from changing
// the decision. In doubt the default is chosen, so that no model becomes slower: the plan is faster
// if it needs at most `share` of the default's time.
Comparison compare(const std::function<double()>& plan_seconds,
                   const std::function<double()>& default_seconds, double share, int fewest_runs);

}  // namespace tfsparse
