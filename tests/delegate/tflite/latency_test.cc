// Comparing two latencies with a fake clock.
#include "delegate/tflite/tuning/latency.h"

#include <cmath>

#include "gtest/gtest.h"

using namespace tfsparse;

namespace {

// A machine on which inferences take given times, or longer while it is disturbed.
class Machine : public Clock {
 public:
  double seconds() override { return now; }
  void wait(double seconds) override { now += seconds; }

  Inference inference(double seconds) {
    return [this, seconds] {
      ++inferences;
      now += seconds * slowdown(now);
      return inferences != fails_at;
    };
  }

  std::function<double(double now)> slowdown = [](double) { return 1.0; };
  double now = 0;
  int inferences = 0, fails_at = -1;
};

bool is_faster(Machine* machine, double baseline, double candidate) {
  LatencyComparison result;
  EXPECT_TRUE(compare_latency(machine->inference(baseline), machine->inference(candidate), 0.02,
                              machine, &result));
  return result.is_faster;
}

TEST(CompareLatency, DecidesALargeDifferenceSoon) {
  Machine machine;
  EXPECT_TRUE(is_faster(&machine, 2e-3, 1e-3));
  EXPECT_LT(machine.now, 1);
  Machine other;
  EXPECT_FALSE(is_faster(&other, 1e-3, 2e-3));
  EXPECT_LT(other.now, 1);
}

TEST(CompareLatency, MeasuresASmallDifferenceForLonger) {
  Machine machine;
  EXPECT_TRUE(is_faster(&machine, 1.04e-3, 1e-3));
  EXPECT_GT(machine.now, 1);
  EXPECT_LT(machine.now, 2);
}

TEST(CompareLatency, IsRightWhileTheMachineIsDisturbed) {
  // Every other second three times slower; steadily slower.
  for (const auto& slowdown : {std::function<double(double)>([](double now) {
                                 return static_cast<int>(now) % 2 == 0 ? 3.0 : 1.0;
                               }),
                               std::function<double(double)>([](double now) { return 1 + now; })}) {
    Machine machine;
    machine.slowdown = slowdown;
    EXPECT_TRUE(is_faster(&machine, 1.2e-3, 1e-3));
    EXPECT_FALSE(is_faster(&machine, 1e-3, 1e-3));
    EXPECT_FALSE(is_faster(&machine, 1e-3, 1.2e-3));
  }
}

// The later of two bursts is always the faster one, by 14 %.
TEST(CompareLatency, IsNotMisledByAMachineThatBecomesFaster) {
  for (const double baseline : {1e-3, 1.02e-3}) {
    Machine machine;
    machine.slowdown = [](double now) { return std::exp(-3 * now); };
    EXPECT_FALSE(is_faster(&machine, baseline, 1e-3));
  }
}

TEST(CompareLatency, RunsASlowModelAFewTimesOnly) {
  Machine machine;
  EXPECT_TRUE(is_faster(&machine, 2, 1));
  EXPECT_LE(machine.inferences, 2 * 2 + 6 * 4);
}

TEST(CompareLatency, ReportsAFailedInference) {
  for (const int fails_at : {1, 2, 60, 90, 200}) {
    Machine machine;
    machine.fails_at = fails_at;
    LatencyComparison result;
    EXPECT_FALSE(
        compare_latency(machine.inference(2e-3), machine.inference(1e-3), 0, &machine, &result));
  }
}

}  // namespace
