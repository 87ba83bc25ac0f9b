// The measured speed of this processor, and interpolation between measurements.
#include "delegate/core/assignment/speed.h"

#include "gtest/gtest.h"

namespace tfsparse {
namespace {

TEST(Speed, LiesBetweenTheMeasuredPasses) {
  const Speed measured{1e-9, {1e3, 1e5}, {1e-6, 4e-4}};  // 1 ns and 4 ns per number
  EXPECT_DOUBLE_EQ(measured.seconds_per_number(10), 1e-9);
  EXPECT_NEAR(measured.seconds_per_number(1e4), 2e-9, 1e-15);
  EXPECT_NEAR(measured.seconds_per_number(1e7), 4e-9, 1e-15);
}

TEST(SpeedProbe, MeasuresEverySpeedAndKeepsTheFastest) {
  SpeedProbe probe;
  probe.run();
  const Speed first = probe.fastest();
  EXPECT_GT(first.tile_seconds, 0);
  EXPECT_LT(first.tile_seconds, 1e-6);
  for (double seconds : first.pass_seconds) {
    EXPECT_GT(seconds, 0);
    EXPECT_LT(seconds, 1);
  }
  probe.run();
  EXPECT_LE(probe.fastest().tile_seconds, first.tile_seconds);
}

}  // namespace
}  // namespace tfsparse
