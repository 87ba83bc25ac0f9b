// Who runs a model: decided by times that are given here, never by those of this machine.
#include "delegate/core/rehearsal.h"

#include <algorithm>
#include <vector>

#include "gtest/gtest.h"

using tfsparse::compare_with_default;
using tfsparse::Comparison;

namespace {

constexpr double kDefault = 1e-3;

// Rehearses with the times of a list, whose last is repeated; as every step's fastest run counts,
// they never grow.
class Runs {
 public:
  explicit Runs(std::vector<double> seconds) : seconds_(std::move(seconds)) {}

  Comparison compare() {
    return compare_with_default([this] { return next(); }, kDefault);
  }
  int count() const { return count_; }

 private:
  double next() {
    const int last = static_cast<int>(seconds_.size()) - 1;
    return seconds_[std::min(count_++, last)];
  }

  std::vector<double> seconds_;
  int count_ = 0;
};

TEST(CompareWithDefault, TakesAFasterPlanAfterOneRun) {
  Runs runs({0.5 * kDefault});
  const Comparison comparison = runs.compare();
  EXPECT_TRUE(comparison.worth_it);
  EXPECT_EQ(comparison.seconds, 0.5 * kDefault);
  EXPECT_EQ(runs.count(), 1);
}

TEST(CompareWithDefault, LeavesAPlanThatIsAsFast) {
  Runs runs({0.98 * kDefault});
  EXPECT_FALSE(runs.compare().worth_it);
  EXPECT_GE(runs.count(), 6);
}

TEST(CompareWithDefault, GivesUpALargePlanSooner) {
  Runs small({3 * kDefault}), large({300 * kDefault});
  EXPECT_FALSE(small.compare().worth_it);
  EXPECT_EQ(small.count(), 9);  // 25 ms
  EXPECT_FALSE(large.compare().worth_it);
  EXPECT_EQ(large.count(), 2);
}

TEST(CompareWithDefault, IgnoresSlowFirstRuns) {
  Runs runs({4 * kDefault, 3 * kDefault, 3 * kDefault, 2 * kDefault, 0.5 * kDefault});
  EXPECT_TRUE(runs.compare().worth_it);
  Runs slowly({1.4 * kDefault, 1.2 * kDefault, 1.1 * kDefault, 1.0 * kDefault, 0.9 * kDefault});
  EXPECT_TRUE(slowly.compare().worth_it);
}

}  // namespace
