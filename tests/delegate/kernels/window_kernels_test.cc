// Pooling and resizing kernels of every instruction set of this CPU, against the reference kernels,
// over random shapes below, at and above the vector width.
#include <algorithm>
#include <cmath>
#include <vector>

#include "delegate/kernels/kernels.h"
#include "delegate/kernels/reference.h"
#include "gtest/gtest.h"
#include "tests/delegate/kernels/kernel_cases.h"

namespace tfsparse {
namespace {

using testing::agree;
using testing::GuardedInput;
using testing::GuardedOutput;
using testing::Random;
using ::testing::ValuesIn;

class WindowKernels : public testing::KernelTest {};
INSTANTIATE_TEST_SUITE_P(Cpu, WindowKernels, ValuesIn(testing::all_kernels()),
                         testing::name_of_kernels);

// Sets output size and padding so that every window contains a pixel of the plane.
void set_sizes(Random& random, PoolArgs* a) {
  const auto axis = [&random](int in, int window, int stride, int* pad) {
    *pad = random.between(0, window - 1);
    return std::max(1, (in + *pad - 1) / stride + 1 - random.between(0, 2));
  };
  a->out_h = axis(a->in_h, a->window_h, a->stride_h, &a->pad_top);
  a->out_w = axis(a->in_w, a->window_w, a->stride_w, &a->pad_left);
}

TEST_P(WindowKernels, Pooling) {
  for_element([](auto element, const Kernels& k, Random& random) {
    using T = decltype(element);
    for (int i = 0; i < 1500; ++i) {
      PoolArgs a{};
      a.op = random.chance(0.5) ? Pooling::kAverage : Pooling::kMax;
      a.planes = random.between(0, 3);
      a.in_h = random.between(1, 12);
      a.in_w = random.between(1, random.chance(0.5) ? 12 : 5 * k.lanes);
      a.window_h = random.between(1, random.chance(0.8) ? 3 : 20);
      a.window_w = random.between(1, random.chance(0.8) ? 3 : 20);
      a.stride_h = random.between(1, random.chance(0.8) ? 2 : 5);
      a.stride_w = random.between(1, random.chance(0.8) ? 2 : 5);
      if (random.chance(0.05)) {
        a.window_h = a.in_h, a.window_w = a.in_w, a.out_h = a.out_w = 1;
      } else {
        set_sizes(random, &a);
      }
      a.epilogue = random.epilogue();
      a.epilogue.activation = Activation::kNone;
      a.x_stride = a.in_h * a.in_w + random.between(0, 5);
      a.y_stride = a.out_h * a.out_w + random.between(0, 5);
      GuardedInput<T> x(a.planes ? (a.planes - 1) * a.x_stride + a.in_h * a.in_w : 0, 0);
      GuardedOutput<T> actual(a.planes * a.y_stride), expected(a.planes * a.y_stride);
      random.fill(x);
      a.x = x.data();
      const bool average = a.op == Pooling::kAverage;
      ASSERT_TRUE(agree(k.pool, reference::pool<T>, a, actual, expected, average ? 1e-5 : 0.0,
                        average ? 2 : 0));
    }
  });
}

// As in TFLite: NaN never compares larger, and nothing is below the initial value.
TEST_P(WindowKernels, MaximumOfNanAndInfinity) {
  for_element([](auto element, const Kernels& k, Random&) {
    using T = decltype(element);
    for (const int width : {2, 40}) {
      std::vector<T> x(2 * width, T(-HUGE_VALF)), y(width - 1);
      x[0] = NAN;
      x[width - 1] = 3.0f;
      PoolArgs a{};
      a.op = Pooling::kMax;
      a.x = x.data();
      a.y = y.data();
      a.planes = 1;
      a.in_h = a.window_h = a.window_w = 2;
      a.in_w = width;
      a.stride_h = a.stride_w = a.out_h = 1;
      a.out_w = width - 1;
      k.pool(a);
      EXPECT_EQ(y[0], width == 2 ? T(3.0f) : T(-__FLT_MAX__));
      EXPECT_EQ(y[width - 2], 3.0f);
    }
  });
}

// The table of one axis: ascending input indices.
struct Indices {
  std::vector<std::int32_t> first;
  std::vector<float> weights;

  Indices(Random& random, int in, int out, bool blends) : first(out), weights(out) {
    const bool may_blend = blends && in > 1;
    for (std::int32_t& index : first) index = random.between(0, may_blend ? in - 2 : in - 1);
    std::sort(first.begin(), first.end());
    for (float& weight : weights) {
      weight = !may_blend || random.chance(0.2) ? 0.0f : random.between(0, 8) / 8.0f;
    }
    if (random.chance(0.5)) first.back() = in - 1, weights.back() = 0.0f;
    first.resize(out + kOverread, 1 << 30);
    weights.resize(out + kOverread, NAN);
  }
};

TEST_P(WindowKernels, Resizing) {
  for_element([](auto element, const Kernels& k, Random& random) {
    using T = decltype(element);
    for (int i = 0; i < 1000; ++i) {
      const bool blends = random.chance(0.6);
      ResizeArgs a{};
      a.planes = random.between(0, 3);
      a.in_h = random.between(1, 8);
      a.in_w = random.between(1, 3 * k.lanes);
      a.out_h = random.between(1, 12);
      a.out_w = random.between(1, random.chance(0.5) ? 4 : 6 * k.lanes);
      a.x_stride = a.in_h * a.in_w + random.between(0, 5);
      a.y_stride = a.out_h * a.out_w + random.between(0, 5);
      const Indices rows(random, a.in_h, a.out_h, blends), columns(random, a.in_w, a.out_w, blends);
      a.rows = rows.first.data();
      a.columns = columns.first.data();
      a.row_weights = blends ? rows.weights.data() : nullptr;
      a.column_weights = blends ? columns.weights.data() : nullptr;
      a.epilogue = random.epilogue();
      a.epilogue.activation = Activation::kNone;
      GuardedInput<T> x(a.planes ? (a.planes - 1) * a.x_stride + a.in_h * a.in_w : 0, 0);
      GuardedOutput<T> actual(a.planes * a.y_stride), expected(a.planes * a.y_stride);
      random.fill(x);
      a.x = x.data();
      ASSERT_TRUE(
          agree(k.resize, reference::resize<T>, a, actual, expected, blends ? 2e-6 : 0.0, 0));
    }
  });
}

// As in TFLite, interpolating between infinity and a number gives infinity.
TEST_P(WindowKernels, ResizingOfInfinity) {
  for_element([](auto element, const Kernels& k, Random&) {
    using T = decltype(element);
    const int width = k.lanes;
    std::vector<std::int32_t> indices(width + kOverread, 0);
    const std::vector<float> weights(width + kOverread, 0.25f);
    GuardedInput<T> x(2 * width);
    GuardedOutput<T> y(width);
    for (int i = 0; i < 2 * width; ++i) x.data()[i] = i == 0 ? T(INFINITY) : T(1);
    ResizeArgs a{};
    a.planes = a.out_h = 1;
    a.in_h = 2;
    a.in_w = a.out_w = width;
    a.rows = a.columns = indices.data();
    a.row_weights = a.column_weights = weights.data();
    a.x = x.data();
    a.y = y.data();
    k.resize(a);
    for (int i = 0; i < width; ++i) EXPECT_EQ(y.data()[i], T(INFINITY));
  });
}

}  // namespace
}  // namespace tfsparse
