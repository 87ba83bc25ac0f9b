// Who runs a model: decided by times that are given here, never by those of this machine.
#include "delegate/core/rehearsal.h"

#include <algorithm>
#include <vector>

#include "tests/delegate/check.h"

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

void test_takes_what_is_faster_at_once() {
  Runs runs({0.5 * kDefault});
  const Comparison comparison = runs.compare();
  CHECK(comparison.worth_it);
  CHECK(comparison.seconds == 0.5 * kDefault);
  CHECK(runs.count() == 1);
}

void test_leaves_what_is_as_fast() {
  Runs runs({0.98 * kDefault});
  CHECK(!runs.compare().worth_it);
  CHECK(runs.count() >= 6);
}

void test_gives_up_a_large_plan_sooner() {
  Runs small({3 * kDefault}), large({300 * kDefault});
  CHECK(!small.compare().worth_it);
  CHECK(small.count() == 9);  // 25 ms
  CHECK(!large.compare().worth_it);
  CHECK(large.count() == 2);
}

void test_a_disturbed_start_decides_nothing() {
  Runs runs({4 * kDefault, 3 * kDefault, 3 * kDefault, 2 * kDefault, 0.5 * kDefault});
  CHECK(runs.compare().worth_it);
  Runs slowly({1.4 * kDefault, 1.2 * kDefault, 1.1 * kDefault, 1.0 * kDefault, 0.9 * kDefault});
  CHECK(slowly.compare().worth_it);
}

}  // namespace

int main() {
  test_takes_what_is_faster_at_once();
  test_leaves_what_is_as_fast();
  test_gives_up_a_large_plan_sooner();
  test_a_disturbed_start_decides_nothing();
}
