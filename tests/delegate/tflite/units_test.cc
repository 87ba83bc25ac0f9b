// Formatted times and sizes have three digits and a suitable unit.
#include "delegate/tflite/units.h"

#include "gtest/gtest.h"

using namespace tfsparse;

namespace {

TEST(Units, TimesHaveThreeDigits) {
  EXPECT_EQ(format_seconds(2.5), "2.50 s");
  EXPECT_EQ(format_seconds(0.0124), "12.4 ms");
  EXPECT_EQ(format_seconds(1.234e-4), "123 µs");
  EXPECT_EQ(format_seconds(4.32e-8), "43.2 ns");
  EXPECT_EQ(format_seconds(4e-12), "0.00400 ns");
  EXPECT_EQ(format_seconds(1234), "1234 s");
  EXPECT_EQ(format_seconds(0), "0 ns");
}

TEST(Units, BytesHaveThreeDigits) {
  EXPECT_EQ(format_bytes(0), "0 B");
  EXPECT_EQ(format_bytes(999), "999 B");
  EXPECT_EQ(format_bytes(1240), "1.24 kB");
  EXPECT_EQ(format_bytes(12345678), "12.3 MB");
  EXPECT_EQ(format_bytes(4100000000), "4.10 GB");
}

}  // namespace
