// The int8 kernels of convolutions on every instruction set that this CPU has, against the oracle,
// over random shapes below, at and above the sizes of their tiles. All agree to the bit.
#include <vector>

#include "tests/delegate/kernels/int8/int8_cases.h"

namespace tfsparse {
namespace int8 {
namespace {

using testing::agree;
using testing::Bytes;
using testing::fill_bytes;
using ::testing::ValuesIn;

class Int8ConvolutionKernels : public testing::KernelTest {};
INSTANTIATE_TEST_SUITE_P(Cpu, Int8ConvolutionKernels, ValuesIn(supported_kernels()),
                         testing::name_of_kernels);

TEST_P(Int8ConvolutionKernels, SparseProducts) {
  for (int i = 0; i < 800; ++i) {
    const int n = i < 100 ? i : random.between(0, 20 * k.lanes);
    const int inputs = random.between(1, 60), outputs = random.between(0, 13);
    const int plane = 4 * n + random.between(0, 5), y_stride = 4 * n + random.between(0, 5);
    const int input_quads = (inputs + 3) / 4, output_quads = (outputs + 3) / 4;
    std::vector<std::int8_t> weights(outputs * inputs);
    fill_bytes(random, weights);
    const double density = 0.25 * random.between(0, 4);
    for (std::size_t w = 0; w < weights.size(); w += random.between(1, 8)) {
      if (!random.chance(density)) weights[w] = 0;
    }
    for (int row = 0; row < outputs; ++row) {
      for (int c = 0; c < inputs; ++c) {
        if (c % 4 == 0 && random.chance(density)) continue;
        weights[row * inputs + c] = 0;
      }
    }
    std::vector<std::int32_t> offsets, bias;
    for (int quad = 0; quad < input_quads; ++quad) offsets.push_back(quad * plane);
    for (int row = 0; row < outputs; ++row) bias.push_back(random.between(-20000, 20000));
    const auto multipliers = testing::random_multipliers(random, outputs, 100 * inputs);
    PackedQuads packed;
    ASSERT_TRUE(pack({weights.data(), outputs, 1, inputs, offsets.data(), bias.data(),
                      random.between(-128, 127), multipliers.data()},
                     k, &packed));
    // The last plane ends with its run, so that reading beyond kOverread crashes.
    Bytes x((input_quads - 1) * plane + 4 * n, kOverread);
    Bytes residual(output_quads ? (output_quads - 1) * y_stride + 4 * n : 0, 0);
    fill_bytes(random, x);
    fill_bytes(random, residual);
    SpmmArgs a{};
    packed.describe(0, output_quads, k, &a);
    a.x = Padded<const std::int8_t>(x.data());
    a.y_stride = y_stride;
    a.n = n;
    a.output = testing::random_output(random);
    a.residual = random.chance(0.5) ? residual.data() : nullptr;
    a.add = testing::random_add(random);
    a.tile = random.between(1, k.max_tile);
    const auto oracle = [this](const SpmmArgs& args) { reference::spmm(args, k); };
    ASSERT_TRUE(agree(k.spmm, oracle, a, output_quads * y_stride));
  }
}

::testing::AssertionResult depthwise_agrees(const Kernels& k, testing::Random& random,
                                            DepthwiseArgs a) {
  const int channels = random.between(1, 9), taps = a.kernel_h * a.kernel_w;
  a.quads = (channels + 3) / 4;
  a.x_stride = 4 * a.in_h * a.in_w + random.between(0, 5);
  a.y_stride = 4 * a.out_h * a.out_w + random.between(0, 5);
  // Rounded up, the channels that do not exist are computed like others.
  std::vector<std::int8_t> weights(taps * 4 * a.quads);
  std::vector<std::int32_t> bias(4 * a.quads);
  fill_bytes(random, weights);
  for (std::int32_t& b : bias) b = random.between(-2000, 2000);
  const auto multipliers = testing::random_multipliers(random, 4 * a.quads, taps);
  a.input_zero_point = random.between(-128, 127);
  const DepthwiseProduct product{
      weights.data(), 4 * a.quads,  a.kernel_h,  a.kernel_w,         a.stride_h,        a.stride_w,
      a.dilation_h,   a.dilation_w, bias.data(), a.input_zero_point, multipliers.data()};
  PackedDepthwise packed;
  if (!pack_depthwise(product, k, &packed)) return ::testing::AssertionFailure() << "not packed";
  Bytes x((a.quads - 1) * a.x_stride + 4 * a.in_h * a.in_w, kOverread);
  Bytes scratch(k.depthwise_scratch(a), 0);
  fill_bytes(random, x);
  a.x = Padded<const std::int8_t>(x.data());
  a.weights = packed.weights.data();
  a.bias = packed.bias.data();
  a.multipliers = packed.multipliers.data();
  a.short_sums = packed.short_sums;
  a.output = testing::random_output(random);
  a.scratch = scratch.data();
  const auto oracle = [&](const DepthwiseArgs& args) { reference::depthwise(product, args, k); };
  return agree(k.depthwise, oracle, a, a.quads * a.y_stride);
}

TEST_P(Int8ConvolutionKernels, DepthwiseConvolutions) {
  for (int i = 0; i < 800; ++i) {
    DepthwiseArgs a{};
    const bool usual = random.chance(0.7);
    a.kernel_h = usual ? 3 + 2 * random.between(0, 2) : random.between(1, 9);
    a.kernel_w = usual ? a.kernel_h : random.between(1, 9);
    a.stride_h = random.between(1, usual ? 2 : 4);
    a.stride_w = usual ? a.stride_h : random.between(1, 4);
    a.dilation_h = usual && random.chance(0.8) ? 1 : random.between(1, 3);
    a.dilation_w = usual && random.chance(0.8) ? 1 : random.between(1, 3);
    const int largest = random.chance(0.1) ? 70 : 20;
    a.in_h = random.between(0, largest);
    a.in_w = random.between(0, largest);
    a.pad_top = random.between(0, random.chance(0.2) ? 12 : 3);
    a.pad_left = random.between(0, random.chance(0.2) ? 12 : 3);
    // From no output at all to some that see only the padding.
    a.out_h = random.between(0, (a.in_h + 12) / a.stride_h);
    a.out_w = random.between(0, (a.in_w + 12) / a.stride_w);
    ASSERT_TRUE(depthwise_agrees(k, random, a));
  }
  // Planes larger than those.
  for (int kernel : {3, 5, 7, 9}) {
    for (int stride : {1, 2, 3}) {
      DepthwiseArgs a{};
      a.kernel_h = a.kernel_w = kernel;
      a.stride_h = a.stride_w = stride;
      a.dilation_h = a.dilation_w = 1;
      a.in_h = a.in_w = 161;
      a.pad_top = a.pad_left = kernel / 2;
      a.out_h = a.out_w = 160 / stride + 1;
      ASSERT_TRUE(depthwise_agrees(k, random, a));
    }
  }
}

TEST_P(Int8ConvolutionKernels, Padding) {
  for (int i = 0; i < 400; ++i) {
    PadArgs a{};
    a.quads = random.between(1, 3);
    a.in_h = random.between(0, 12);
    a.in_w = random.between(0, random.chance(0.3) ? 150 : 20);
    a.x_stride = 4 * a.in_h * a.in_w + random.between(0, 5);
    a.pad_top = random.between(0, 6);
    a.pad_left = random.between(0, random.chance(0.3) ? 40 : 6);
    a.out_h = random.between(0, a.in_h + 8);
    a.out_w = random.between(0, a.in_w + 20);
    a.stride_h = random.between(1, 3);
    a.stride_w = random.between(1, 4);
    a.phases_h = random.between(1, a.stride_h);
    a.phases_w = random.between(1, a.stride_w);
    a.row_stride = 4 * ((a.out_w + a.stride_w - 1) / a.stride_w + random.between(0, 3));
    a.column_phase_stride = (a.out_h + a.stride_h - 1) / a.stride_h * a.row_stride;
    a.row_phase_stride = a.stride_w * a.column_phase_stride;
    a.y_stride = a.stride_h * a.row_phase_stride;
    a.border = random.between(-128, 127);
    Bytes x((a.quads - 1) * a.x_stride + 4 * a.in_h * a.in_w, 0);
    fill_bytes(random, x);
    a.x = x.data();
    const auto oracle = [this](const PadArgs& args) { reference::pad(args, k); };
    ASSERT_TRUE(agree(k.pad, oracle, a, a.quads * a.y_stride));
  }
}

TEST(PackBias, TellsWhetherScaledSumsFit16Bits) {
  const Kernels kernels{};  // whose codes are kept as they are
  const std::int8_t weights[] = {100};
  for (const bool fits : {true, false}) {
    const float multiplier = (fits ? 32765.0f : 32767.0f) / (256 * 100 + 50);
    std::int32_t bias = 0;
    bool short_sums = true;
    EXPECT_TRUE(pack_bias(weights, 1, 50, 0, multiplier, kernels, &bias, &short_sums));
    EXPECT_EQ(bias, 50);
    EXPECT_EQ(short_sums, fits);
  }
}

// What TFLite's definition says of a product in integers and doubles, and not the oracle.
TEST_P(Int8ConvolutionKernels, SparseProductsAreWhatTfliteDefines) {
  for (int i = 0; i < 50; ++i) {
    const int n = random.between(1, 40), inputs = random.between(1, 40), zero_point = 17 - i;
    std::vector<std::int8_t> weights(inputs), x((inputs + 3) / 4 * 4 * n + kOverread);
    fill_bytes(random, weights, -127);
    fill_bytes(random, x);
    std::vector<std::int32_t> offsets;
    for (int quad = 0; quad < (inputs + 3) / 4; ++quad) offsets.push_back(4 * n * quad);
    const std::int32_t bias = random.between(-1000, 1000);
    const float multiplier = 0.01f;
    PackedQuads packed;
    ASSERT_TRUE(pack({weights.data(), 1, 1, inputs, offsets.data(), &bias, zero_point, &multiplier},
                     k, &packed));
    SpmmArgs a{};
    packed.describe(0, 1, k, &a);
    a.n = n;
    a.tile = k.max_tile;
    a.output = {-3, -100, 90};
    std::vector<std::int8_t> bytes(x.size()), y(4 * n);
    for (std::size_t b = 0; b < x.size(); ++b) bytes[b] = reference::byte(x[b], k);
    a.x = Padded<const std::int8_t>(bytes.data());
    a.y = y.data();
    k.spmm(a);
    for (int p = 0; p < n; ++p) {
      std::int64_t sum = bias;
      for (int c = 0; c < inputs; ++c) {
        sum += weights[c] * (x[4 * (c / 4 * n + p) + c % 4] - zero_point);
      }
      const double exact = std::fmin(std::fmax(sum * 0.01 - 3, -100.0), 90.0);
      EXPECT_NEAR(reference::code(y[4 * p], k), exact, 0.501);
    }
  }
}

}  // namespace
}  // namespace int8
}  // namespace tfsparse
