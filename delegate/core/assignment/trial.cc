#include "delegate/core/assignment/trial.h"

#include <algorithm>
#include <ctime>
#include <numeric>

namespace tfsparse {
namespace {

// That of this thread so far, or 0 where the system does not count it.
double processor_seconds() {
#if defined(CLOCK_THREAD_CPUTIME_ID)
  timespec time;
  if (clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time) == 0) return time.tv_sec + 1e-9 * time.tv_nsec;
#endif
  return 0;
}

// Whether it is more than a count of the system's ticks, which last for milliseconds and of which
// one may fall between two calls.
bool counts_processor_time() {
  constexpr double kLessThanATick = 5e-4;
  const double start = processor_seconds();
  const double passed = processor_seconds() - start;
  return passed > 0 && passed < kLessThanATick;
}

std::vector<Buffer> zeros(const std::vector<Shape>& shapes) {
  std::vector<Buffer> buffers;
  for (const Shape& shape : shapes) {
    buffers.emplace_back(static_cast<std::size_t>(element_count(shape)) + kOverread, sizeof(float));
  }
  return buffers;
}

}  // namespace

Trial::Trial(Plan* plan, ThreadPool* pool)
    : plan_(plan),
      pool_(pool),
      counts_processor_time_(pool->size() == 1 && counts_processor_time()),
      inputs_(zeros(plan->input_shapes())),
      outputs_(zeros(plan->output_shapes())) {}

double Trial::run() {
  std::vector<const void*> inputs;
  std::vector<void*> outputs;
  for (const Buffer& buffer : inputs_) inputs.push_back(buffer.data());
  for (const Buffer& buffer : outputs_) outputs.push_back(buffer.data());
  const double start = processor_seconds();
  plan_->run_profiled(pool_, inputs, outputs);
  if (counts_processor_time_) {
    processor_seconds_ = std::min(processor_seconds_, processor_seconds() - start);
  }
  double total = 0;
  for (const std::vector<double>& parts : plan_->seconds()) {
    total = std::accumulate(parts.begin(), parts.end(), total);
  }
  return std::min(total, processor_seconds_);
}

int Trial::fewest_runs() const {
  constexpr int kManyRuns = 8;
  return counts_processor_time_ ? 1 : kManyRuns;
}

double share_to_take(double skipped) {
  // The default's time is predicted, mostly to within 10 %. Dense networks gain little more than
  // that, and beside other programs their plans slow down more than the default does.
  constexpr double kSparse = 0.93, kDense = 0.87, kFewZeros = 0.2;
  return skipped > kFewZeros ? kSparse : kDense;
}

Comparison compare(const std::function<double()>& plan_seconds,
                   const std::function<double()>& default_seconds, double share, int fewest_runs) {
  // The default's time has settled when it has not improved for this many measurements.
  constexpr double kShorter = 0.98, kClearlyFaster = 0.86;  // kClearlyFaster: of what is enough
  constexpr int kSettled = 8, kSettledWhereClear = 2;
  // Cold caches slow the first run by up to 40 %, and each further run by less.
  constexpr double kFirstRun = 0.4;
  // Small plans, which settle late, get many runs before they are left. No plan runs for long.
  constexpr double kLeastSeconds = 0.005, kMostSeconds = 1;
  constexpr int kEnoughRuns = 24;

  // The plan first, as an idle processor reaches its usual clock rate only after milliseconds.
  double plan = plan_seconds(), fallback = default_seconds(), spent = plan;
  for (int settled = 0, runs = 1;;) {
    const double ratio = plan / (share * fallback);
    if (ratio <= 1) {
      if (settled >= (ratio <= kClearlyFaster ? kSettledWhereClear : kSettled)) {
        return {true, plan, fallback};
      }
      const double now = default_seconds();
      settled = now < kShorter * fallback ? 0 : settled + 1;
      fallback = now;
      continue;
    }
    const bool enough = runs >= fewest_runs && spent >= kLeastSeconds;
    const bool clear = ratio >= 1 + kFirstRun / (runs * runs);
    if ((enough && clear) || runs >= kEnoughRuns || spent >= kMostSeconds) {
      return {false, plan, fallback};
    }
    plan = plan_seconds();
    spent += plan;
    ++runs;
  }
}

}  // namespace tfsparse
