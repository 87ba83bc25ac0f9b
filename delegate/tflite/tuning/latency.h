// Comparing the latency of two ways of running a model on a machine that is never quite quiet.
#pragma once

#include <functional>

namespace tfsparse {

class Clock {
 public:
  virtual ~Clock() = default;
  virtual double seconds() = 0;  // since any moment
  virtual void wait(double seconds) = 0;
};

// The machine's.
Clock* steady_clock();

// Of one inference, in seconds.
struct Latency {
  double median = 0, fastest = 0;
};

struct LatencyComparison {
  Latency baseline, candidate;
  double speedup = 0;      // median over the rounds of baseline / candidate
  bool is_faster = false;  // whether the candidate certainly is; in doubt it is not
};

// Runs one inference. Returns false where it fails.
using Inference = std::function<bool()>;

// Runs the two alternately in short bursts until it is clear which is faster, for about two seconds
// at most unless an inference is slow. Waits `settle_seconds` before each burst. Returns false
// where an inference failed.
bool compare_latency(const Inference& baseline, const Inference& candidate, double settle_seconds,
                     Clock* clock, LatencyComparison* result);

}  // namespace tfsparse
