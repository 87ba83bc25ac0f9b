// The int8 kernels of convolutions on every instruction set that this CPU has, against the oracle,
// over random shapes below, at and above the sizes of their tiles. All agree to the bit.
#include <vector>

#include "tests/delegate/int8_cases.h"

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
    ASSERT_TRUE(agree(k.spmm, reference::spmm, k, a, output_quads * y_stride));
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
