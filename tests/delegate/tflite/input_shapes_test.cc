// The text of the option input_shapes.
#include "delegate/tflite/input_shapes.h"

#include "gtest/gtest.h"

using namespace tfsparse;

namespace {

TEST(InputShapes, OneWithoutANameIsThatOfTheOnlyInput) {
  EXPECT_EQ(named_shape("4x16x16x3", "image", true), (Shape{4, 16, 16, 3}));
  EXPECT_EQ(named_shape("4x16x16x3", "image", false), Shape());
  EXPECT_EQ(named_shape("7", "row", true), Shape{7});
}

TEST(InputShapes, AreFoundByName) {
  const std::string option = "a=1x8,serving_default_b:0=2x20";
  EXPECT_EQ(named_shape(option, "a", false), (Shape{1, 8}));
  EXPECT_EQ(named_shape(option, "serving_default_b:0", false), (Shape{2, 20}));
  EXPECT_EQ(named_shape(option, "b", true), Shape());
}

TEST(InputShapes, OthersAreNone) {
  for (const char* option : {"", "x", "1x", "1x0", "1x-2", "1x2.5", "1x 2y", "99999999999x1"}) {
    EXPECT_EQ(named_shape(option, "a", true), Shape()) << option;
  }
}

}  // namespace
