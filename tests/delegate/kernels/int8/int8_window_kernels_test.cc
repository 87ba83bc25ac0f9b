// Pooling and resizing of quad planes on every instruction set that this CPU has, against the
// oracle, over random shapes below, at and above the width of a vector. All agree to the bit.
#include <algorithm>
#include <vector>

#include "tests/delegate/kernels/int8/int8_cases.h"

namespace tfsparse {
namespace int8 {
namespace {

using testing::agree;
using testing::Bytes;
using testing::fill_bytes;
using testing::Random;
using ::testing::ValuesIn;

class Int8WindowKernels : public testing::KernelTest {};
INSTANTIATE_TEST_SUITE_P(Cpu, Int8WindowKernels, ValuesIn(supported_kernels()),
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

TEST_P(Int8WindowKernels, Pooling) {
  for (int i = 0; i < 1500; ++i) {
    PoolArgs a{};
    a.op = random.chance(0.5) ? Pooling::kAverage : Pooling::kMax;
    a.quads = random.between(0, 3);
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
    a.output = testing::random_output(random);
    a.x_stride = 4 * a.in_h * a.in_w + random.between(0, 5);
    a.y_stride = 4 * a.out_h * a.out_w + random.between(0, 5);
    Bytes x(a.quads ? (a.quads - 1) * a.x_stride + 4 * a.in_h * a.in_w : 0, kOverread);
    fill_bytes(random, x);
    a.x = Padded<const std::int8_t>(x.data());
    const auto oracle = [this](const PoolArgs& args) { reference::pool(args, k); };
    ASSERT_TRUE(agree(k.pool, oracle, a, a.quads * a.y_stride));
  }
}

// TFLite divides the sum of codes by their number, halves rounded away from zero.
TEST_P(Int8WindowKernels, AveragesAreWithinOneCodeOfTflites) {
  for (const int width : {2, 3, 7}) {
    std::vector<std::int8_t> x(4 * width + kOverread), y(4);
    for (int i = 0; i < 100; ++i) {
      fill_bytes(random, x);
      int sum = 0;
      for (int column = 0; column < width; ++column) sum += reference::code(x[4 * column], k);
      PoolArgs a{};
      a.op = Pooling::kAverage;
      a.x = Padded<const std::int8_t>(x.data());
      a.y = y.data();
      a.quads = a.in_h = a.out_h = a.out_w = a.window_h = a.stride_h = a.stride_w = 1;
      a.in_w = a.window_w = width;
      k.pool(a);
      const int tflite = (sum + (sum > 0 ? width / 2 : -(width / 2))) / width;
      EXPECT_NEAR(reference::code(y[0], k), tflite, width % 2 ? 0 : 1);
    }
  }
}

// Indices into `in` rows or columns, in any order, and weights.
struct Sources {
  std::vector<std::int32_t> first, weights;

  Sources(Random& random, int in, int out) : first(out), weights(out) {
    for (std::int32_t& index : first) index = random.between(0, in - 1);
    for (std::int32_t& weight : weights) {
      weight = random.chance(0.3) ? 512 * random.between(0, 2) : random.between(0, kResizeOne);
    }
  }
};

TEST_P(Int8WindowKernels, Resizing) {
  for (int i = 0; i < 1000; ++i) {
    ResizeArgs a{};
    a.quads = random.between(0, 3);
    a.in_h = random.between(1, 8);
    a.in_w = random.between(1, 3 * k.lanes);
    a.out_h = random.between(0, 12);
    a.out_w = random.between(0, random.chance(0.5) ? 4 : 6 * k.lanes);
    a.x_stride = 4 * a.in_h * a.in_w + random.between(0, 5);
    a.y_stride = 4 * a.out_h * a.out_w + random.between(0, 5);
    const Sources rows(random, a.in_h, a.out_h), columns(random, a.in_w, a.out_w);
    a.rows = rows.first.data();
    a.columns = columns.first.data();
    if (random.chance(0.6)) {
      a.row_weights = rows.weights.data();
      a.column_weights = columns.weights.data();
    }
    Bytes x(a.quads ? (a.quads - 1) * a.x_stride + 4 * a.in_h * a.in_w : 0, 0);
    fill_bytes(random, x);
    a.x = x.data();
    const auto oracle = [this](const ResizeArgs& args) { reference::resize(args, k); };
    ASSERT_TRUE(agree(k.resize, oracle, a, a.quads * a.y_stride));
  }
}

}  // namespace
}  // namespace int8
}  // namespace tfsparse
