#include "delegate/core/trial.h"

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

float* floats(const Buffer& buffer) {
  return static_cast<float*>(static_cast<void*>(buffer.data()));
}

}  // namespace

Trial::Trial(Plan* plan, ThreadPool* pool)
    : plan_(plan),
      pool_(pool),
      inputs_(zeros(plan->input_shapes())),
      outputs_(zeros(plan->output_shapes())) {}

double Trial::run() {
  std::vector<const float*> inputs;
  std::vector<float*> outputs;
  for (const Buffer& buffer : inputs_) inputs.push_back(floats(buffer));
  for (const Buffer& buffer : outputs_) outputs.push_back(floats(buffer));
  plan_->run_profiled(pool_, inputs, outputs);
  double total = 0;
  for (const std::vector<double>& parts : plan_->seconds()) {
    total = std::accumulate(parts.begin(), parts.end(), total);
  }
  return total;
}

Comparison compare(const std::function<double()>& plan_seconds,
                   const std::function<double()>& default_seconds) {
  // The default's time is predicted, mostly within a tenth.
  constexpr double kFaster = 0.93, kClearlyFaster = 0.75, kClearlySlower = 1.5;
  // Of the default: the first measurements may find a slow clock or a busy core, which would make
  // the plan look fast. It has settled where so many did not change it.
  constexpr double kSettled = 0.99;
  constexpr int kSettledRounds = 3, kClearRounds = 1;
  // A small plan runs often before it is given up; a large one's time is sure sooner.
  constexpr int kRounds = 6, kClearlySlowerRounds = 2;
  constexpr double kSeconds = 0.025;

  double before = 0, spent = 0;
  for (int round = 1, settled = 0;; ++round) {
    const double fallback = default_seconds(), plan = plan_seconds();
    settled = fallback >= kSettled * before ? settled + 1 : 0;
    before = fallback;
    spent += plan;
    const int enough = plan <= kClearlyFaster * fallback ? kClearRounds : kSettledRounds;
    if (plan <= kFaster * fallback && settled > enough) return {true, plan, fallback};
    const bool slower = plan > kClearlySlower * fallback;
    if (plan > kFaster * fallback && spent >= kSeconds &&
        round >= (slower ? kClearlySlowerRounds : kRounds)) {
      return {false, plan, fallback};
    }
  }
}

}  // namespace tfsparse
