#include "delegate/tflite/tuning/latency.h"

#include <time.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <vector>

namespace tfsparse {
namespace {

// Long enough to time inferences of microseconds, and short enough that a disturbance affects both
// bursts of a round.
constexpr double kBurstSeconds = 0.02;
constexpr double kWarmUpSeconds = 0.05;
constexpr double kBudgetSeconds = 1.5;
constexpr int kMinRounds = 6;
// A gain below 3 % is not worth the candidate's memory.
constexpr double kFaster = 1.03, kClearlyFaster = 1.05;

class SteadyClock : public Clock {
 public:
  double seconds() override {
    return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch())
        .count();
  }
  void wait(double seconds) override {
    timespec left;
    left.tv_sec = static_cast<time_t>(seconds);
    left.tv_nsec = static_cast<long>(1e9 * (seconds - static_cast<double>(left.tv_sec)));
    while (nanosleep(&left, &left) != 0 && errno == EINTR) {
    }
  }
};

// The quantile of the values at `fraction`.
double quantile(std::vector<double> values, double fraction) {
  const auto middle =
      values.begin() + static_cast<std::ptrdiff_t>(fraction * (values.size() - 1) + 0.5);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

class Runner {
 public:
  Runner(const Inference& infer, Clock* clock) : infer_(infer), clock_(clock) {}

  // Runs until caches and threads are warm and chooses the number of inferences per burst.
  bool warm_up() {
    double fastest = 0, spent = 0;
    for (int runs = 0; runs < 2 || spent < kWarmUpSeconds; ++runs) {
      double now;
      if (!time(&now)) return false;
      fastest = runs == 0 ? now : std::min(fastest, now);
      spent += std::max(now, 1e-6);  // so that a coarse clock cannot make this loop endless
    }
    count_ = static_cast<int>(std::clamp(kBurstSeconds / std::max(fastest, 1e-9), 1.0, 1000.0));
    return true;
  }

  // Returns whether all inferences succeeded. Does not time the first one, which reloads the
  // weights into the cache.
  bool burst(double settle_seconds) {
    if (settle_seconds > 0) clock_->wait(settle_seconds);
    double now;
    if (!time(&now)) return false;
    last_.clear();
    for (int i = 0; i < count_; ++i) {
      if (!time(&now)) return false;
      last_.push_back(now);
    }
    all_.insert(all_.end(), last_.begin(), last_.end());
    return true;
  }

  double burst_median() const { return quantile(last_, 0.5); }
  Latency latency() const {
    return {quantile(all_, 0.5), *std::min_element(all_.begin(), all_.end())};
  }

 private:
  bool time(double* seconds) {
    const double start = clock_->seconds();
    const bool ok = infer_();
    *seconds = clock_->seconds() - start;
    return ok;
  }

  const Inference& infer_;
  Clock* clock_;
  int count_ = 1;
  std::vector<double> last_, all_;  // seconds per inference: the last burst's, all
};

double ratio(double baseline, double candidate) { return baseline / std::max(candidate, 1e-9); }

}  // namespace

Clock* steady_clock() {
  static SteadyClock clock;
  return &clock;
}

bool compare_latency(const Inference& baseline, const Inference& candidate, double settle_seconds,
                     Clock* clock, LatencyComparison* result) {
  Runner first(baseline, clock), second(candidate, clock);
  if (!first.warm_up() || !second.warm_up()) return false;
  std::vector<double> speedups;  // one per round
  const double start = clock->seconds();
  for (int rounds = 1;; ++rounds) {
    // Alternating order cancels a slow drift of the clock rate.
    Runner& earlier = rounds % 2 == 1 ? first : second;
    Runner& later = rounds % 2 == 1 ? second : first;
    if (!earlier.burst(settle_seconds) || !later.burst(settle_seconds)) return false;
    speedups.push_back(ratio(first.burst_median(), second.burst_median()));
    if (rounds < kMinRounds || rounds % 2 == 1) continue;

    result->baseline = first.latency();
    result->candidate = second.latency();
    result->speedup = quantile(speedups, 0.5);
    const double lower = quantile(speedups, 0.25), upper = quantile(speedups, 0.75);
    const bool fastest = result->candidate.fastest < result->baseline.fastest;
    const bool over = clock->seconds() - start >= kBudgetSeconds;
    if (upper <= 1 || over || (fastest && lower >= kClearlyFaster)) {
      result->is_faster = fastest && lower >= 1 && result->speedup >= kFaster;
      return true;
    }
  }
}

}  // namespace tfsparse
