#include "delegate/core/assignment/trial.h"

#include <limits>
#include <numeric>

namespace tfsparse {
namespace {

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
      inputs_(zeros(plan->input_shapes())),
      outputs_(zeros(plan->output_shapes())) {}

double Trial::run() {
  std::vector<const void*> inputs;
  std::vector<void*> outputs;
  for (const Buffer& buffer : inputs_) inputs.push_back(buffer.data());
  for (const Buffer& buffer : outputs_) outputs.push_back(buffer.data());
  plan_->run_profiled(pool_, inputs, outputs);
  double total = 0;
  for (const std::vector<double>& parts : plan_->seconds()) {
    total = std::accumulate(parts.begin(), parts.end(), total);
  }
  return total;
}

double share_to_take(double skipped) {
  // The default's time is predicted, mostly to within 10 %. Dense networks gain little more than
  // that, and beside other programs their plans slow down more than the default does.
  constexpr double kSparse = 0.93, kDense = 0.87, kFewZeros = 0.2;
  return skipped > kFewZeros ? kSparse : kDense;
}

Comparison compare(const std::function<double()>& plan_seconds,
                   const std::function<double()>& default_seconds, double share) {
  constexpr double kClearlyFaster = 0.8, kClearlySlower = 1.3;  // fractions of the default's time
  // Cold caches, a low clock rate or a busy core may slow early rounds. The times have settled when
  // neither has improved for this many rounds.
  constexpr double kShorter = 0.99;
  constexpr int kSettled = 8, kSettledWhereClear = 2;
  // Small plans get many rounds before they are rejected. No plan runs for long.
  constexpr double kLeastSeconds = 0.025, kMostSeconds = 1;
  constexpr int kEnoughRounds = 24;

  constexpr double kNever = std::numeric_limits<double>::infinity();
  double plan = kNever, fallback = kNever, spent = 0;
  for (int settled = 0, round = 1;; ++settled, ++round) {
    const double default_now = default_seconds(), plan_now = plan_seconds();
    if (plan_now < kShorter * plan || default_now < kShorter * fallback) settled = 0;
    plan = plan_now;
    fallback = default_now;
    spent += plan;
    const double ratio = plan / fallback;
    const bool clear = ratio <= kClearlyFaster || ratio >= kClearlySlower;
    if (settled < (clear ? kSettledWhereClear : kSettled) && spent < kMostSeconds) continue;
    if (ratio <= share) return {true, plan, fallback};
    if (spent >= kLeastSeconds || round >= kEnoughRounds) return {false, plan, fallback};
  }
}

}  // namespace tfsparse
