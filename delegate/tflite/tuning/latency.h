// Compares the latency of two ways to run a model on a noisy machine.
#pragma once

#include <functional>

namespace tfsparse {

class Clock {
 public:
  virtual ~Clock() = default;
  virtual double seconds() = 0;  // since any fixed moment
  virtual void wait(double seconds) = 0;
};

// The machine's clock.
Clock* steady_clock();

// Of one inference, in seconds.
struct Latency {
  double median = 0, fastest = 0;
};

struct LatencyComparison {
  Latency baseline, candidate;
  double speedup = 0;      // median of baseline / candidate over the rounds
  bool is_faster = false;  // whether the candidate certainly is
};

// Runs one inference. Returns false on failure.
using Inference = std::function<bool()>;

// Runs the two alternately in short bursts until it is clear which is faster: for at most two
// seconds, unless one inference is slow. Waits `settle_seconds` before each burst. Returns false if
// an inference failed.
bool compare_latency(const Inference& baseline, const Inference& candidate, double settle_seconds,
                     Clock* clock, LatencyComparison* result);

}  // namespace tfsparse
