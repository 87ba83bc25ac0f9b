#include "delegate/core/rehearsal.h"

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

Rehearsal::Rehearsal(Plan* plan, ThreadPool* pool)
    : plan_(plan),
      pool_(pool),
      inputs_(zeros(plan->input_shapes())),
      outputs_(zeros(plan->output_shapes())) {}

double Rehearsal::run() {
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

Comparison compare_with_default(const std::function<double()>& rehearse, double default_seconds) {
  constexpr double kWorthIt = 0.92, kHopeless = 1.5;
  // The first run finds cold caches, and on a busy machine the first twenty may be slow: a small
  // plan runs often before it is given up. A large one's time is sure sooner, and costs more.
  constexpr int kRuns = 6, kHopelessRuns = 2;
  constexpr double kSeconds = 0.025;
  double seconds = 0, spent = 0;
  for (int runs = 1;; ++runs) {
    seconds = rehearse();
    spent += seconds;
    if (seconds <= kWorthIt * default_seconds) return {true, seconds};
    const bool hopeless = seconds > kHopeless * default_seconds;
    if (spent >= kSeconds && runs >= (hopeless ? kHopelessRuns : kRuns)) return {false, seconds};
  }
}

}  // namespace tfsparse
