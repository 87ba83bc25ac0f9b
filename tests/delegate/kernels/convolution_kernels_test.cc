// Convolution kernels of every instruction set of this CPU, against the reference kernels, over
// random shapes below, at and above their tile sizes.
#include <array>
#include <cmath>
#include <vector>

#include "delegate/kernels/kernels.h"
#include "delegate/kernels/reference.h"
#include "gtest/gtest.h"
#include "tests/delegate/kernels/kernel_cases.h"

namespace tfsparse {
namespace {

using testing::agree;
using testing::alike;
using testing::GuardedCopy;
using testing::GuardedInput;
using testing::GuardedOutput;
using testing::kRoundings;
using testing::Random;
using testing::SparseCase;
using ::testing::ValuesIn;

class ConvolutionKernels : public testing::KernelTest {};
INSTANTIATE_TEST_SUITE_P(Cpu, ConvolutionKernels, ValuesIn(testing::all_kernels()),
                         testing::name_of_kernels);

TEST_P(ConvolutionKernels, SparseProducts) {
  for_element([](auto element, const Kernels& k, Random& random) {
    using T = decltype(element);
    for (int i = 0; i < 600; ++i) {
      const int n = i < 100 ? i : random.between(0, 20 * k.lanes);
      const int inputs = random.between(1, 24), outputs = random.between(0, 9);
      const int plane = n + random.between(0, 5), y_stride = n + random.between(0, 5);
      const int block = std::array{1, 2, 4}[random.between(0, 2)];
      const SparseCase<T> weights(random, block, outputs, inputs, plane,
                                  random.between(0, 4) * 0.25);
      std::vector<T> bias;
      for (const float value : weights.bias) bias.insert(bias.end(), k.bias_copies, T(value));
      const GuardedCopy values(weights.values), offsets(weights.offsets);
      // The last plane ends with its run: reading beyond kOverread crashes.
      GuardedInput<T> x((inputs - 1) * plane + n), residual(outputs * block * y_stride);
      GuardedOutput<T> actual(outputs * block * y_stride), expected(outputs * block * y_stride);
      random.fill(x);
      random.fill(residual);
      SpmmArgs a{};
      a.x = Padded<const void>(x.data());
      a.y_stride = y_stride;
      a.n = n;
      a.block = block;
      a.blocks = outputs;
      a.channels = weights.channels.data();
      a.nnz = weights.nnz.data();
      a.values = values.data();
      a.narrow_offsets = random.chance(0.5) ? weights.narrow_offsets.data() : nullptr;
      a.wide_offsets = offsets.data();
      a.bias = bias.data();
      a.residual = Padded<const void>(random.chance(0.5) ? residual.data() : nullptr);
      a.accumulate = random.chance(0.3);
      a.finish = random.chance(0.7);
      a.tile = random.between(1, k.max_tile[block]);
      a.epilogue = random.epilogue();
      a.epilogue.residual_first = random.chance(0.5);
      if (a.accumulate) {
        for (int row = 0; row < outputs * block; ++row) {
          for (int p = 0; p < n; ++p) {
            actual[row * y_stride + p] = expected[row * y_stride + p] = random.number<T>();
          }
        }
      }
      a.y = Padded<void>(expected.data());
      reference::spmm<T>(a, k.bias_copies);
      a.y = Padded<void>(actual.data());
      k.spmm(a);
      ASSERT_TRUE(alike(actual, expected, 2e-5, kRoundings));
    }
  });
}

template <class T>
::testing::AssertionResult depthwise_agrees(const Kernels& k, Random& random, DepthwiseArgs a) {
  a.planes = random.between(1, 3);
  a.x_stride = a.in_h * a.in_w + random.between(0, 5);
  a.y_stride = a.out_h * a.out_w + random.between(0, 5);
  GuardedInput<T> x((a.planes - 1) * a.x_stride + a.in_h * a.in_w);
  std::vector<T> weights(a.planes * a.kernel_h * a.kernel_w);
  std::vector<float> bias(a.planes);
  GuardedOutput<T> actual(a.planes * a.y_stride), expected(a.planes * a.y_stride);
  random.fill(x);
  random.fill(weights);
  random.fill<T>(bias);
  a.x = Padded<const void>(x.data());
  a.weights = weights.data();
  a.bias = bias.data();
  a.epilogue = random.epilogue();
  a.y = expected.data();
  reference::depthwise<T>(a);
  GuardedOutput<T> scratch(k.depthwise_scratch(a));
  for (std::size_t i = 0; i < scratch.size(); ++i) scratch[i] = NAN;
  a.scratch = scratch.data();
  a.y = actual.data();
  k.depthwise(a);
  if (!scratch.zones_untouched()) {
    return ::testing::AssertionFailure() << "written outside of the scratch";
  }
  return alike(actual, expected, 5e-5, kRoundings);
}

TEST_P(ConvolutionKernels, DepthwiseConvolutions) {
  for_element([](auto element, const Kernels& k, Random& random) {
    using T = decltype(element);
    for (int i = 0; i < 1200; ++i) {
      DepthwiseArgs a{};
      const bool usual = random.chance(0.7);
      a.kernel_h = usual ? 3 + 2 * random.between(0, 2) : random.between(1, 8);
      a.kernel_w = usual ? a.kernel_h : random.between(1, 8);
      a.stride_h = random.between(1, usual ? 2 : 4);
      a.stride_w = usual ? a.stride_h : random.between(1, 4);
      a.dilation_h = usual ? 1 : random.between(1, 3);
      a.dilation_w = usual ? 1 : random.between(1, 3);
      const int largest = random.chance(0.1) ? 70 : 20;
      a.in_h = random.between(0, largest);
      a.in_w = random.between(0, largest);
      a.pad_top = random.between(0, random.chance(0.2) ? 12 : 3);
      a.pad_left = random.between(0, random.chance(0.2) ? 12 : 3);
      // From no output to outputs in the padding only.
      a.out_h = random.between(0, (a.in_h + 12) / a.stride_h);
      a.out_w = random.between(0, (a.in_w + 12) / a.stride_w);
      ASSERT_TRUE(depthwise_agrees<T>(k, random, a));
    }
    // Planes too large for one filling of the scratch.
    for (int kernel : {3, 5, 7, 9}) {
      for (int stride : {1, 2, 3}) {
        DepthwiseArgs a{};
        a.kernel_h = a.kernel_w = kernel;
        a.stride_h = a.stride_w = stride;
        a.dilation_h = a.dilation_w = 1;
        a.in_h = a.in_w = 161;
        a.pad_top = a.pad_left = kernel / 2;
        a.out_h = a.out_w = 160 / stride + 1;
        ASSERT_TRUE(depthwise_agrees<T>(k, random, a));
      }
    }
  });
}

TEST_P(ConvolutionKernels, ScaledAndShiftedPlanes) {
  for_element([](auto element, const Kernels& k, Random& random) {
    using T = decltype(element);
    for (int pixels = 0; pixels < 100; ++pixels) {
      DepthwiseArgs a{};
      a.kernel_h = a.kernel_w = a.stride_h = a.stride_w = a.dilation_h = a.dilation_w = 1;
      a.in_h = a.out_h = 1 + pixels % 3;
      a.in_w = a.out_w = pixels;
      EXPECT_EQ(k.depthwise_scratch(a), 0u);
      ASSERT_TRUE(depthwise_agrees<T>(k, random, a));
    }
  });
}

TEST_P(ConvolutionKernels, Padding) {
  for_element([](auto element, const Kernels& k, Random& random) {
    using T = decltype(element);
    for (int i = 0; i < 600; ++i) {
      const int channels = random.chance(0.5) ? 1 : random.between(2, 5);
      PadArgs a{};
      a.in_h = random.between(0, 12);
      a.in_w = random.between(0, random.chance(0.3) ? 150 : 20);
      a.x_pixel_stride = channels;
      a.x_row_stride = a.in_w * channels;
      a.pad_top = random.between(0, 6);
      a.pad_left = random.between(0, random.chance(0.3) ? 40 : 6);
      a.out_h = random.between(0, a.in_h + 8);
      a.out_w = random.between(0, a.in_w + 20);
      a.stride_h = random.between(1, 3);
      a.stride_w = random.between(1, 4);
      a.phases_h = random.between(1, a.stride_h);
      a.phases_w = random.between(1, a.stride_w);
      a.row_stride = (a.out_w + a.stride_w - 1) / a.stride_w + random.between(0, 3);
      a.column_phase_stride = (a.out_h + a.stride_h - 1) / a.stride_h * a.row_stride;
      a.row_phase_stride = a.stride_w * a.column_phase_stride;
      GuardedInput<T> x(static_cast<std::size_t>(a.in_h) * a.in_w * channels);
      GuardedOutput<T> actual(static_cast<std::size_t>(a.stride_h) * a.row_phase_stride);
      GuardedOutput<T> expected(actual.size());
      random.fill(x);
      // The last channel: reading past the last pixel of the image crashes.
      a.x = x.data() + (x.size() ? channels - 1 : 0);
      ASSERT_TRUE(agree(k.pad, reference::pad<T>, a, actual, expected, 0.0, 0));
    }
  });
}

TEST_P(ConvolutionKernels, Cropping) {
  for_element([](auto element, const Kernels& k, Random& random) {
    using T = decltype(element);
    for (int i = 0; i < 200; ++i) {
      CropArgs a{};
      a.rows = random.between(0, 9);
      a.width = random.between(1, 3 * k.lanes);
      a.x_row_stride = a.width + random.between(0, 4);
      GuardedInput<T> x(a.rows ? (a.rows - 1) * a.x_row_stride + a.width : 0);
      GuardedInput<T> residual(a.rows * a.width);
      GuardedOutput<T> actual(a.rows * a.width), expected(a.rows * a.width);
      random.fill(x);
      random.fill(residual);
      a.x = x.data();
      a.residual = random.chance(0.5) ? residual.data() : nullptr;
      ASSERT_TRUE(agree(k.crop, reference::crop<T>, a, actual, expected, 0.0, 0));
    }
  });
}

}  // namespace
}  // namespace tfsparse
