// The time of a plan, and the decision between a plan and the default from given times.
#include "delegate/core/assignment/trial.h"

#include <algorithm>
#include <memory>
#include <vector>

#include "gtest/gtest.h"
#include "tests/delegate/core/graph_builder.h"
#include "tests/delegate/core/run_plan.h"

namespace tfsparse {
namespace {

// A trial of a small plan.
class SmallTrial {
 public:
  explicit SmallTrial(int threads) : pool_(threads) {
    const int x = builder_.input({1, 64});
    builder_.graph.outputs = {builder_.row_scaling(x, 64, 2)};
    plan_ = testing::build(builder_.graph, threads);
    trial_ = std::make_unique<Trial>(plan_.get(), &pool_);
  }

  Trial* operator->() { return trial_.get(); }
  // Fewer than requested on a machine with one core.
  int threads() const { return pool_.size(); }

 private:
  testing::GraphBuilder builder_;
  ThreadPool pool_;
  std::unique_ptr<Plan> plan_;
  std::unique_ptr<Trial> trial_;
};

TEST(Trial, ReturnsTheLeastTimeSoFar) {
  for (int threads : {1, 2}) {
    SmallTrial trial(threads);
    double least = trial->run();
    EXPECT_LT(least, 60);
    for (int i = 0; i < 20; ++i) {
      const double seconds = trial->run();
      EXPECT_GT(seconds, 0);
      EXPECT_LE(seconds, least);
      least = seconds;
    }
  }
}

#if defined(__linux__)
// It counts the processor time of each thread in nanoseconds.
TEST(Trial, NeedsOneRunWhereOtherProcessesDoNotAddToTheTime) {
  EXPECT_EQ(SmallTrial(1)->fewest_runs(), 1);
  SmallTrial shared(2);
  EXPECT_EQ(shared->fewest_runs(), shared.threads() == 1 ? 1 : 8);
}
#endif

constexpr double kDefault = 1e-3, kShare = 0.93;

// Successive measurements. The last one is repeated.
class Times {
 public:
  explicit Times(std::vector<double> seconds) : seconds_(std::move(seconds)) {}

  double next() { return seconds_[std::min(count_++, seconds_.size() - 1)]; }
  std::size_t count() const { return count_; }

 private:
  std::vector<double> seconds_;
  std::size_t count_ = 0;
};

// The decision for these measurements of the plan and the default.
class Decision {
 public:
  Decision(std::vector<double> plan, std::vector<double> fallback = {kDefault}, int fewest_runs = 1)
      : plan_(std::move(plan)), default_(std::move(fallback)) {
    comparison = compare([this] { return plan_.next(); }, [this] { return default_.next(); },
                         kShare, fewest_runs);
  }

  std::size_t runs() const { return plan_.count(); }
  std::size_t measurements() const { return default_.count(); }

  Comparison comparison;

 private:
  Times plan_, default_;
};

TEST(Compare, TakesAClearlyFasterPlanAfterOneRun) {
  const Decision decision({0.5 * kDefault});
  EXPECT_TRUE(decision.comparison.faster);
  EXPECT_EQ(decision.comparison.seconds, 0.5 * kDefault);
  EXPECT_EQ(decision.comparison.default_seconds, kDefault);
  EXPECT_EQ(decision.runs(), 1u);
  EXPECT_EQ(decision.measurements(), 3u);
}

// Further runs could only show that it is faster still.
TEST(Compare, MeasuresOnlyTheDefaultLongerIfAPlanIsJustFastEnough) {
  const Decision decision({0.9 * kDefault});
  EXPECT_TRUE(decision.comparison.faster);
  EXPECT_EQ(decision.runs(), 1u);
  EXPECT_GE(decision.measurements(), 8u);
}

TEST(Compare, LeavesAnEquallyFastPlan) {
  EXPECT_FALSE(Decision({0.98 * kDefault}).comparison.faster);
  EXPECT_FALSE(Decision({0.94 * kDefault}).comparison.faster);
}

TEST(Compare, MeasuresOnlyThePlanLongerIfItIsTooSlow) {
  const Decision decision({0.98 * kDefault});
  EXPECT_GT(decision.runs(), 1u);
  EXPECT_EQ(decision.measurements(), 1u);
}

TEST(Compare, RunsALargePlanLessOften) {
  const Decision tiny({1.1e-9}, {1e-9}), small({1.1 * kDefault}), large({1100}, {1000});
  EXPECT_FALSE(tiny.comparison.faster);
  EXPECT_EQ(tiny.runs(), 24u);
  EXPECT_FALSE(small.comparison.faster);
  EXPECT_EQ(small.runs(), 5u);  // 5 ms
  EXPECT_FALSE(large.comparison.faster);
  EXPECT_EQ(large.runs(), 1u);
}

TEST(Compare, LeavesAPlanTheSoonerTheSlowerItIs) {
  const auto runs = [](double ratio) {
    const Decision decision({ratio * kShare * 10 * kDefault}, {10 * kDefault});
    EXPECT_FALSE(decision.comparison.faster);
    return decision.runs();
  };
  EXPECT_EQ(runs(1.5), 1u);
  EXPECT_EQ(runs(1.2), 2u);
  EXPECT_EQ(runs(1.01), 7u);
}

// Where other processes add to the time of a plan.
TEST(Compare, RunsASlowPlanAsOftenAsAskedFor) {
  const Decision decision({30 * kDefault}, {10 * kDefault}, 8);
  EXPECT_FALSE(decision.comparison.faster);
  EXPECT_EQ(decision.runs(), 8u);
}

// Cold caches or a low clock rate slow the first runs of a plan.
TEST(Compare, WaitsForAPlanThatGetsFaster) {
  const Decision decision({13 * kDefault, 9 * kDefault}, {10 * kDefault});
  EXPECT_TRUE(decision.comparison.faster);
  const Decision tiny({1.4e-4, 1.2e-4, 1.1e-4, 1e-4, 0.9e-4}, {1e-4});
  EXPECT_TRUE(tiny.comparison.faster);
  const Decision disturbed({4 * kDefault, 3 * kDefault, 3 * kDefault, 2 * kDefault, kDefault / 2},
                           {kDefault}, 8);
  EXPECT_TRUE(disturbed.comparison.faster);
}

// The same for the default: a plan must not win against slow first measurements.
TEST(Compare, WaitsForADefaultThatGetsFaster) {
  const Decision decision({1.2 * kDefault}, {3 * kDefault, 2 * kDefault, 1.5 * kDefault, kDefault});
  EXPECT_FALSE(decision.comparison.faster);
  EXPECT_EQ(decision.comparison.default_seconds, kDefault);
  const Decision late({kDefault}, {1.1 * kDefault, 1.1 * kDefault, 1.1 * kDefault, kDefault});
  EXPECT_FALSE(late.comparison.faster);
}

}  // namespace
}  // namespace tfsparse
