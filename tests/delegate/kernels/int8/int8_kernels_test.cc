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

TEST_P(Int8Kernels, Additions) {
  for (int i = 0; i < 300; ++i) {
    AddArgs args{};
    args.quads = random.between(0, 100);
    args.add = testing::random_add(random);
    Bytes a(4 * args.quads, 0), b(4 * args.quads, 0);
    fill_bytes(random, a);
    fill_bytes(random, b);
    args.a = a.data();
    args.b = b.data();
    const auto oracle = [this](const AddArgs& some) { reference::add(some, k); };
    ASSERT_TRUE(agree(k.add, oracle, args, 4 * args.quads));
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

TEST_P(Int8Kernels, Lookups) {
  std::vector<std::int8_t> table(256), x(1000), y(1000);
  std::iota(table.begin(), table.end(), static_cast<std::int8_t>(3));
  fill_bytes(random, x);
  for (const std::size_t n : {0, 1, 63, 64, 65, 1000}) {
    y.assign(1000, 77);
    k.lookup({x.data(), y.data(), n, table.data()});
    for (std::size_t i = 0; i < y.size(); ++i) {
      ASSERT_EQ(y[i], i < n ? static_cast<std::int8_t>(x[i] + 3) : 77);
    }
  }
}

}  // namespace
}  // namespace int8
}  // namespace tfsparse
