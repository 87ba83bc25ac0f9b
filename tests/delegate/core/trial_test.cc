// The decision between a plan and the default, from given times.
#include "delegate/core/assignment/trial.h"

#include <algorithm>
#include <vector>

#include "gtest/gtest.h"

namespace tfsparse {
namespace {

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
  Decision(std::vector<double> plan, std::vector<double> fallback = {kDefault})
      : plan_(std::move(plan)), default_(std::move(fallback)) {
    comparison =
        compare([this] { return plan_.next(); }, [this] { return default_.next(); }, kShare);
  }

  std::size_t runs() const { return plan_.count(); }
  std::size_t measurements() const { return default_.count(); }

  Comparison comparison;

 private:
  Times plan_, default_;
};

TEST(Compare, TakesAClearlyFasterPlanSoon) {
  const Decision decision({0.5 * kDefault});
  EXPECT_TRUE(decision.comparison.faster);
  EXPECT_EQ(decision.comparison.seconds, 0.5 * kDefault);
  EXPECT_EQ(decision.comparison.default_seconds, kDefault);
  EXPECT_LE(decision.runs(), 4u);
}

TEST(Compare, MeasuresLongerIfTheTwoAreClose) {
  const Decision decision({0.9 * kDefault});
  EXPECT_TRUE(decision.comparison.faster);
  EXPECT_GE(decision.runs(), 8u);
}

TEST(Compare, MeasuresBothAsOften) {
  for (double plan : {0.5, 0.9, 1.0, 3.0}) {
    const Decision decision({plan * kDefault});
    EXPECT_EQ(decision.runs(), decision.measurements()) << plan;
  }
}

TEST(Compare, LeavesAnEquallyFastPlan) {
  EXPECT_FALSE(Decision({0.98 * kDefault}).comparison.faster);
  EXPECT_FALSE(Decision({0.94 * kDefault}).comparison.faster);
}

TEST(Compare, RejectsALargePlanSooner) {
  const Decision tiny({3e-9}, {1e-9}), small({3 * kDefault}), large({3000}, {1000});
  EXPECT_FALSE(tiny.comparison.faster);
  EXPECT_EQ(tiny.runs(), 24u);
  EXPECT_FALSE(small.comparison.faster);
  EXPECT_EQ(small.runs(), 9u);  // 25 ms
  EXPECT_FALSE(large.comparison.faster);
  EXPECT_EQ(large.runs(), 1u);
}

TEST(Compare, RejectsAClearlySlowerPlanSooner) {
  const Decision clear({12 * kDefault}, {4 * kDefault}), close({4.4 * kDefault}, {4 * kDefault});
  EXPECT_FALSE(clear.comparison.faster);
  EXPECT_EQ(clear.runs(), 3u);
  EXPECT_FALSE(close.comparison.faster);
  EXPECT_EQ(close.runs(), 9u);
}

// Cold caches or a busy machine slow the first runs of a plan.
TEST(Compare, WaitsForAPlanThatGetsFaster) {
  const Decision decision({4 * kDefault, 3 * kDefault, 3 * kDefault, 2 * kDefault, 0.5 * kDefault});
  EXPECT_TRUE(decision.comparison.faster);
  const Decision slowly(
      {1.4 * kDefault, 1.2 * kDefault, 1.1 * kDefault, 1.0 * kDefault, 0.9 * kDefault});
  EXPECT_TRUE(slowly.comparison.faster);
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
