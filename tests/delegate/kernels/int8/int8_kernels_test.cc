// The int8 kernels that are no convolutions on every instruction set that this CPU has, against the
// oracle, over random sizes. All agree to the bit.
#include <numeric>
#include <vector>

#include "tests/delegate/kernels/int8/int8_cases.h"

namespace tfsparse {
namespace int8 {
namespace {

using testing::agree;
using testing::Bytes;
using testing::fill_bytes;
using ::testing::ValuesIn;

class Int8Kernels : public testing::KernelTest {};
INSTANTIATE_TEST_SUITE_P(Cpu, Int8Kernels, ValuesIn(supported_kernels()), testing::name_of_kernels);

TEST_P(Int8Kernels, ImagesToQuadsAndBack) {
  for (int i = 0; i < 300; ++i) {
    ImageArgs a{};
    a.channels = random.chance(0.3) ? 3 : random.between(1, 21);
    a.pixels = random.between(0, 70);
    a.plane_stride = 4 * a.pixels + random.between(0, 5);
    const int quads = (a.channels + 3) / 4;
    Bytes quad_planes((quads - 1) * a.plane_stride + 4 * a.pixels, 0);
    fill_bytes(random, quad_planes);
    a.x = quad_planes.data();
    const auto oracle = [this](const ImageArgs& args) { reference::from_quads(args, k); };
    ASSERT_TRUE(agree(k.from_quads, oracle, a, a.pixels * a.channels));

    Bytes image(a.pixels * a.channels, 0);
    fill_bytes(random, image);
    testing::OutputBytes planes(quads * a.plane_stride);
    std::vector<std::int8_t> back(image.size());
    a.x = image.data();
    a.y = planes.data();
    k.to_quads(a);
    ASSERT_TRUE(planes.zones_untouched());
    a.x = planes.data();
    a.y = back.data();
    reference::from_quads(a, k);
    for (std::size_t byte = 0; byte < back.size(); ++byte) ASSERT_EQ(back[byte], image[byte]);
  }
}

// Random tensors for a kernel of two, b as large as a or one quad.
template <class Args, class Oracle>
::testing::AssertionResult pairs_agree(testing::Random& random, void (*kernel)(const Args&),
                                       const Oracle& oracle, Args args) {
  args.quads = random.between(0, 100);
  args.b_is_one_quad = random.chance(0.5);
  Bytes a(4 * args.quads, 0), b(args.b_is_one_quad ? 4 : 4 * args.quads, 0);
  fill_bytes(random, a);
  fill_bytes(random, b);
  args.a = a.data();
  args.b = b.data();
  return agree(kernel, oracle, args, 4 * args.quads);
}

TEST_P(Int8Kernels, AdditionsAndSubtractions) {
  for (int i = 0; i < 300; ++i) {
    AddArgs args{};
    args.add = testing::random_add(random);
    const auto oracle = [this](const AddArgs& some) { reference::add(some, k); };
    ASSERT_TRUE(pairs_agree(random, k.add, oracle, args));
  }
}

TEST_P(Int8Kernels, Multiplications) {
  for (int i = 0; i < 300; ++i) {
    MultiplyArgs args{};
    ASSERT_TRUE(multiply_of(0.1, random.between(-128, 127), 0.001 * random.between(1, 100),
                            random.between(-128, 127), 0.05 * random.between(1, 10),
                            testing::random_output(random), &args.multiply));
    const auto oracle = [this](const MultiplyArgs& some) { reference::multiply(some, k); };
    ASSERT_TRUE(pairs_agree(random, k.multiply, oracle, args));
  }
}

TEST_P(Int8Kernels, MultiplicationsAreWhatTfliteDefines) {
  MultiplyArgs args{};
  std::int8_t a[4], b[4], y[4];
  args.a = a, args.b = b, args.y = y;
  args.quads = 1;
  ASSERT_TRUE(multiply_of(0.02, 5, 0.1, -7, 0.03, {3, -128, 120}, &args.multiply));
  for (int i = -128; i < 128; ++i) {
    for (int c = 0; c < 4; ++c) {
      a[c] = reference::byte(i, k);
      b[c] = reference::byte(c * 60 - 100, k);
    }
    k.multiply(args);
    for (int c = 0; c < 4; ++c) {
      const double exact = (i - 5) * 0.02 * (c * 60 - 100 + 7) * 0.1 / 0.03 + 3;
      EXPECT_NEAR(reference::code(y[c], k), std::fmin(std::fmax(exact, -128.0), 120.0), 0.501);
    }
  }
  for (const double scale : {0.0, -1.0, 1e9, HUGE_VAL, std::nan("")}) {
    EXPECT_FALSE(multiply_of(scale, 0, 1.0, 0, 1.0, {}, &args.multiply)) << scale;
    EXPECT_FALSE(multiply_of(1.0, 0, scale, 0, 1.0, {}, &args.multiply)) << scale;
  }
}

// Within a little more than half a code of the exact sum, at scales far apart.
TEST_P(Int8Kernels, AdditionsAreWhatTfliteDefines) {
  Add add;
  for (const double ratio : {0.05, 0.3, 1.0, 7.0, 1000.0}) {
    ASSERT_TRUE(add_of(0.02, 5, 0.02 * ratio, -7, 0.03 * ratio, {3, -128, 127}, &add));
    for (int a = -128; a < 128; ++a) {
      for (int b = -128; b < 128; b += 5) {
        const double exact = 3 + ((a - 5) / ratio + (b + 7)) * 0.02 / 0.03;
        const double clamped = std::fmin(std::fmax(exact, -128.0), 127.0);
        EXPECT_NEAR(reference::add(a, b, add), clamped, 0.65) << ratio;
      }
    }
  }
  for (const double scale : {0.0, -1.0, 17.0, HUGE_VAL, std::nan("")}) {
    EXPECT_FALSE(add_of(scale, 0, 1.0, 0, 1.0, {}, &add)) << scale;
    EXPECT_FALSE(subtract_of(1.0, 0, scale, 0, 1.0, {}, &add)) << scale;
  }
}

TEST_P(Int8Kernels, Means) {
  for (int i = 0; i < 200; ++i) {
    MeanArgs a{};
    a.quads = random.between(0, 5);
    a.n = random.between(1, 200);
    a.x_stride = 4 * a.n + random.between(0, 5);
    a.y_stride = 4 + random.between(0, 5);
    const int zero_point = random.between(-128, 127);
    a.bias = -a.n * (zero_point + k.flip);
    a.multiplier = 1.3f / a.n;
    a.output = testing::random_output(random);
    Bytes x(a.quads ? (a.quads - 1) * a.x_stride + 4 * a.n : 0, 0);
    fill_bytes(random, x);
    a.x = x.data();
    const auto oracle = [this](const MeanArgs& args) { reference::mean(args, k); };
    ASSERT_TRUE(agree(k.mean, oracle, a, a.quads * a.y_stride));
  }
}

TEST_P(Int8Kernels, MatrixTimesVector) {
  for (int i = 0; i < 200; ++i) {
    const int outputs = random.between(1, 150), inputs = random.between(1, 90);
    std::vector<std::int8_t> weights(outputs * inputs);
    fill_bytes(random, weights);
    if (random.chance(0.5)) {  // whole quads of zeros
      for (int input = 0; input < inputs; ++input) {
        if (input / 4 % 3 == 0) continue;
        for (int row = 0; row < outputs; ++row) weights[row * inputs + input] = 0;
      }
    }
    std::vector<std::int32_t> bias(outputs);
    for (std::int32_t& b : bias) b = random.between(-2000, 2000);
    const auto multipliers = testing::random_multipliers(random, outputs, inputs);
    const Product product{
        weights.data(),    outputs, 1, inputs, nullptr, bias.data(), random.between(-128, 127),
        multipliers.data()};
    PackedRows packed;
    ASSERT_TRUE(pack_rows(product, k, &packed));
    Bytes x((inputs + 3) / 4 * 4, 0);
    fill_bytes(random, x);
    RowsArgs a{};
    a.x = x.data();
    a.outputs = outputs;
    a.counts = packed.counts.data();
    a.offsets = packed.offsets.data();
    a.weights = packed.weights.data();
    a.bias = packed.bias.data();
    a.multipliers = packed.multipliers.data();
    a.output = testing::random_output(random);
    const auto oracle = [&](const RowsArgs& args) { reference::rows(product, args, k); };
    ASSERT_TRUE(agree(k.rows, oracle, a, outputs));
  }
}

TEST_P(Int8Kernels, Prelus) {
  for (int i = 0; i < 200; ++i) {
    PreluArgs a{};
    a.quads = random.between(0, 5);
    a.pixels = random.between(0, 100);
    a.x_stride = 4 * a.pixels + random.between(0, 5);
    a.y_stride = 4 * a.pixels + random.between(0, 5);
    a.zero = random.between(-128, 127);
    a.above = 0.1f * random.between(1, 20);
    std::vector<float> below(4 * a.quads);
    for (float& factor : below) factor = random.normal();
    a.below = below.data();
    a.output = testing::random_output(random);
    Bytes x(a.quads ? (a.quads - 1) * a.x_stride + 4 * a.pixels : 0, 0);
    fill_bytes(random, x);
    a.x = x.data();
    const auto oracle = [this](const PreluArgs& args) { reference::prelu(args, k); };
    ASSERT_TRUE(agree(k.prelu, oracle, a, a.quads * a.y_stride));
  }
}

// Floats that are halves of codes, beyond all codes, infinite and NaN.
TEST_P(Int8Kernels, FloatsToCodesAndBack) {
  for (int i = 0; i < 300; ++i) {
    const std::size_t n = random.between(0, 300);
    testing::GuardedInput<float> x(n, 0);
    Bytes codes(n, 0);
    fill_bytes(random, codes);
    const float scale = random.chance(0.5) ? 0.25f : 0.01f * random.between(1, 100);
    for (std::size_t f = 0; f < n; ++f) {
      const float special[] = {INFINITY, -INFINITY, NAN, 1e30f, -1e30f, 0.0f, -0.0f, 1e-40f};
      x[f] = random.chance(0.1) ? special[f % 8] : 0.5f * scale * random.between(-600, 600);
    }
    const int zero_point = random.between(-128, 127);
    ASSERT_TRUE(agree(k.quantize, reference::quantize,
                      QuantizeArgs{x.data(), nullptr, n, 1 / scale, zero_point}, n));
    std::vector<float> actual(n), expected(n);
    k.dequantize({codes.data(), actual.data(), n, scale, zero_point});
    reference::dequantize({codes.data(), expected.data(), n, scale, zero_point});
    ASSERT_EQ(actual, expected);
  }
}

TEST_P(Int8Kernels, CodesOfUnusualFloats) {
  const std::vector<float> x = {1.5f, 2.5f, -1.5f, 1000.0f, -INFINITY, INFINITY, NAN};
  std::vector<std::int8_t> y(x.size());
  k.quantize({x.data(), y.data(), x.size(), 1.0f, 5});
  EXPECT_EQ(y, (std::vector<std::int8_t>{7, 7, 3, 127, -128, 127, 5}));
  // A scale too small for its inverse.
  k.quantize({x.data(), y.data(), x.size(), INFINITY, 5});
  EXPECT_EQ(y, (std::vector<std::int8_t>{127, 127, -128, 127, -128, 127, 5}));
}

TEST_P(Int8Kernels, Lookups) {
  Bytes table(256, 0);
  fill_bytes(random, table);
  for (const std::size_t n : {0, 1, 63, 64, 65, 1000}) {
    Bytes x(n, 0);
    for (std::size_t i = 0; i < n; ++i) x[i] = static_cast<std::int8_t>(i);  // all, again and again
    ASSERT_TRUE(agree(k.lookup, reference::lookup, {x.data(), nullptr, n, table.data()}, n));
  }
}

}  // namespace
}  // namespace int8
}  // namespace tfsparse
