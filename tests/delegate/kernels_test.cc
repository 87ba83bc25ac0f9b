// Every kernel of every instruction set that this CPU has, against the oracle, over random shapes
// below, at and above the sizes of its tiles.
#include "delegate/kernels/kernels.h"

#include <functional>
#include <string>
#include <vector>

#include "delegate/kernels/reference.h"
#include "tests/delegate/buffers.h"
#include "tests/delegate/check.h"

namespace tfsparse {
namespace {

using testing::GuardedInput;
using testing::GuardedOutput;
using testing::Random;

// Both outputs alike, gaps that neither may write included.
void compare(GuardedOutput& actual, GuardedOutput& expected, double tolerance) {
  for (std::size_t i = 0; i < expected.size(); ++i) CHECK_NEAR(actual[i], expected[i], tolerance);
  actual.check();
}

// A random sparse matrix over planes of `plane` floats, of which a run reads the first n.
struct SparseCase {
  std::vector<float> values, bias;
  std::vector<std::int32_t> offsets, row_nnz;

  SparseCase(Random& random, int rows, int channels, int plane, double density) : bias(rows) {
    random.fill(bias);
    for (int row = 0; row < rows; ++row) {
      const std::size_t before = values.size();
      for (int c = 0; c < channels; ++c) {
        if (!random.chance(density)) continue;
        values.push_back(random.normal());
        offsets.push_back(c * plane);
      }
      row_nnz.push_back(static_cast<std::int32_t>(values.size() - before));
    }
  }
};

void test_spmm(const Kernels& k, Random& random) {
  for (int i = 0; i < 400; ++i) {
    const int n = i < 100 ? i : random.between(0, 20 * k.lanes);
    const int channels = random.between(1, 24), rows = random.between(0, 9);
    const int plane = n + random.between(0, 5), y_stride = n + random.between(0, 5);
    const SparseCase weights(random, rows, channels, plane, random.between(0, 4) * 0.25);
    // The last plane ends with its run, so that reading beyond kOverread crashes.
    GuardedInput x((channels - 1) * plane + n), residual(rows * y_stride);
    GuardedOutput actual(rows * y_stride), expected(rows * y_stride);
    random.fill(x);
    random.fill(residual);
    SpmmArgs a{};
    a.x = x.data();
    a.y_stride = y_stride;
    a.n = n;
    a.rows = rows;
    a.values = weights.values.data();
    a.offsets = weights.offsets.data();
    a.row_nnz = weights.row_nnz.data();
    a.bias = random.chance(0.8) ? weights.bias.data() : nullptr;
    a.residual = random.chance(0.5) ? residual.data() : nullptr;
    a.accumulate = random.chance(0.3);
    a.finish = random.chance(0.7);
    a.tile = random.between(1, k.max_tile);
    a.epilogue = random.epilogue();
    if (a.accumulate) {
      for (int row = 0; row < rows; ++row) {
        for (int p = 0; p < n; ++p) {
          actual[row * y_stride + p] = expected[row * y_stride + p] = random.normal();
        }
      }
    }
    a.y = expected.data();
    reference::spmm(a);
    a.y = actual.data();
    k.spmm(a);
    compare(actual, expected, 2e-5);
  }
}

void test_gemm(const Kernels& k, Random& random) {
  for (int i = 0; i < 300; ++i) {
    const int n = i < 100 ? i : random.between(0, 8 * k.lanes);
    const int depth = random.between(0, 20), rows = random.between(0, 3 * k.gemm_rows + 1);
    const int plane = n + random.between(0, 5), y_stride = n + random.between(0, 5);
    const int blocks = (rows + k.gemm_rows - 1) / k.gemm_rows;
    GuardedInput x(depth ? (depth - 1) * plane + n : 0), residual(rows * y_stride);
    GuardedOutput actual(rows * y_stride), expected(rows * y_stride);
    std::vector<float> weights(blocks * depth * k.gemm_rows), bias(rows);
    std::vector<std::int32_t> offsets(depth);
    for (int d = 0; d < depth; ++d) offsets[d] = d * plane;
    random.fill(x);
    random.fill(residual);
    random.fill(weights);
    random.fill(bias);
    GemmArgs a{};
    a.x = x.data();
    a.y_stride = y_stride;
    a.n = n;
    a.rows = rows;
    a.depth = depth;
    a.weights = weights.data();
    a.offsets = offsets.data();
    a.bias = random.chance(0.8) ? bias.data() : nullptr;
    a.residual = random.chance(0.5) ? residual.data() : nullptr;
    a.epilogue = random.epilogue();
    a.y = expected.data();
    reference::gemm(a, k.gemm_rows);
    a.y = actual.data();
    k.gemm(a);
    compare(actual, expected, 2e-5);
  }
}

void check_depthwise(const Kernels& k, Random& random, DepthwiseArgs a) {
  a.planes = random.between(1, 3);
  a.x_stride = a.in_h * a.in_w + random.between(0, 5);
  a.y_stride = a.out_h * a.out_w + random.between(0, 5);
  GuardedInput x((a.planes - 1) * a.x_stride + a.in_h * a.in_w);
  std::vector<float> weights(a.planes * a.kernel_h * a.kernel_w), bias(a.planes);
  GuardedOutput actual(a.planes * a.y_stride), expected(a.planes * a.y_stride);
  random.fill(x);
  random.fill(weights);
  random.fill(bias);
  a.x = x.data();
  a.weights = weights.data();
  a.bias = bias.data();
  a.epilogue = random.epilogue();
  a.y = expected.data();
  reference::depthwise(a);
  GuardedOutput scratch(k.depthwise_scratch(a));
  for (std::size_t i = 0; i < scratch.size(); ++i) scratch[i] = NAN;
  a.scratch = scratch.data();
  a.y = actual.data();
  k.depthwise(a);
  compare(actual, expected, 5e-5);
  scratch.check();
}

void test_depthwise(const Kernels& k, Random& random) {
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
    // From no output at all to some that see only the padding.
    a.out_h = random.between(0, (a.in_h + 12) / a.stride_h);
    a.out_w = random.between(0, (a.in_w + 12) / a.stride_w);
    check_depthwise(k, random, a);
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
      check_depthwise(k, random, a);
    }
  }
}

void test_pad(const Kernels& k, Random& random) {
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
    a.stride_w = random.between(1, 4);
    const int phase_width = (a.out_w + a.stride_w - 1) / a.stride_w + random.between(0, 3);
    const bool phases_in_rows = random.chance(0.5);  // or a plane for each phase
    a.phase_stride = phases_in_rows ? phase_width : a.out_h * phase_width;
    a.row_stride = phases_in_rows ? a.stride_w * phase_width : phase_width;
    GuardedInput x(static_cast<std::size_t>(a.in_h) * a.in_w * channels);
    GuardedOutput actual(static_cast<std::size_t>(a.out_h) * phase_width * a.stride_w);
    GuardedOutput expected(actual.size());
    random.fill(x);
    // The last channel, so that reading past the last pixel of the image crashes.
    a.x = x.data() + (x.size() ? channels - 1 : 0);
    a.y = expected.data();
    reference::pad(a);
    a.y = actual.data();
    k.pad(a);
    compare(actual, expected, 0.0);
  }
}

void test_unary(const Kernels& k, Random& random) {
  for (int i = 0; i < 200; ++i) {
    const std::size_t n = i < 70 ? i : random.between(0, 500);
    GuardedInput x(n);
    GuardedOutput actual(n), expected(n);
    for (std::size_t j = 0; j < n; ++j) x[j] = 4.0f * random.normal();
    UnaryArgs a{};
    a.op = static_cast<Unary>(random.between(0, 3));
    a.x = x.data();
    a.n = n;
    a.epilogue = random.epilogue();
    a.epilogue.activation = Activation::kNone;
    a.y = expected.data();
    reference::unary(a);
    a.y = actual.data();
    if (random.chance(0.5)) {  // in place
      for (std::size_t j = 0; j < n; ++j) actual[j] = x[j];
      a.x = a.y;
    }
    k.unary(a);
    compare(actual, expected, 2e-6);
  }
}

float sigmoid_of(const Kernels& k, float x, Unary op = Unary::kSigmoid) {
  std::vector<float> buffer(1 + kOverread);
  buffer[0] = x;
  UnaryArgs a{};
  a.op = op;
  a.x = a.y = buffer.data();
  a.n = 1;
  k.unary(a);
  return buffer[0];
}

void test_sigmoid_is_accurate(const Kernels& k) {
  for (float x = -87.0f; x < 20.0f; x += 0.0137f) {
    const double expected = 1.0 / (1.0 + std::exp(-static_cast<double>(x)));
    CHECK_NEAR(sigmoid_of(k, x) / expected, 1.0, 1e-6);
    CHECK_NEAR(sigmoid_of(k, x, Unary::kSwish), x * expected, 1e-6 * std::fabs(x * expected));
  }
  CHECK(sigmoid_of(k, HUGE_VALF) == 1.0f && sigmoid_of(k, 3e38f) == 1.0f);
  CHECK(sigmoid_of(k, -HUGE_VALF) == 0.0f && sigmoid_of(k, -3e38f) == 0.0f);
  CHECK(std::isnan(sigmoid_of(k, NAN)));
  CHECK(sigmoid_of(k, HUGE_VALF, Unary::kSwish) == HUGE_VALF);
  CHECK(sigmoid_of(k, -HUGE_VALF, Unary::kSwish) == 0.0f);
  CHECK(std::isnan(sigmoid_of(k, NAN, Unary::kSwish)));
}

void test_binary(const Kernels& k, Random& random) {
  for (int i = 0; i < 300; ++i) {
    const std::size_t n = i < 70 ? i : random.between(0, 300);
    BinaryArgs a{};
    a.op = static_cast<Binary>(random.between(0, 3));
    a.a_step = random.between(0, 1);
    a.b_step = random.between(0, 1);
    a.n = n;
    a.epilogue = random.epilogue();
    GuardedInput left(a.a_step ? n : 1), right(a.b_step ? n : 1);
    GuardedOutput actual(n), expected(n);
    random.fill(left);
    random.fill(right);
    for (std::size_t j = 0; j < right.size(); ++j) right[j] += right[j] < 0 ? -0.1f : 0.1f;
    a.a = left.data();
    a.b = right.data();
    a.y = expected.data();
    reference::binary(a);
    a.y = actual.data();
    if (a.a_step && random.chance(0.3)) {  // in place
      for (std::size_t j = 0; j < n; ++j) actual[j] = left[j];
      a.a = a.y;
    }
    k.binary(a);
    compare(actual, expected, 2e-5);
  }
}

void test_dense_rows(const Kernels& k, Random& random) {
  for (int i = 0; i < 200; ++i) {
    const int rows = random.between(0, 40), depth = i < 70 ? i : random.between(0, 200);
    GuardedInput x(depth), weights(static_cast<std::size_t>(rows) * depth), bias(rows);
    GuardedOutput actual(rows), expected(rows);
    random.fill(x);
    random.fill(weights);
    random.fill(bias);
    DenseRowsArgs a{};
    a.x = x.data();
    a.rows = rows;
    a.depth = depth;
    a.weights = weights.data();
    a.bias = random.chance(0.8) ? bias.data() : nullptr;
    a.epilogue = random.epilogue();
    a.y = expected.data();
    reference::dense_rows(a);
    a.y = actual.data();
    k.dense_rows(a);
    compare(actual, expected, 1e-4);
  }
}

void test_sparse_rows(const Kernels& k, Random& random) {
  for (int i = 0; i < 200; ++i) {
    const int rows = random.between(0, 40), depth = random.between(1, 200);
    const SparseCase weights(random, rows, depth, 1, random.between(0, 4) * 0.25);
    GuardedInput x(depth, 0);
    GuardedOutput actual(rows), expected(rows);
    random.fill(x);
    SparseRowsArgs a{};
    a.x = x.data();
    a.rows = rows;
    a.values = weights.values.data();
    a.offsets = weights.offsets.data();
    a.row_nnz = weights.row_nnz.data();
    a.bias = random.chance(0.8) ? weights.bias.data() : nullptr;
    a.epilogue = random.epilogue();
    a.y = expected.data();
    reference::sparse_rows(a);
    a.y = actual.data();
    k.sparse_rows(a);
    compare(actual, expected, 1e-4);
  }
}

void test_sum_and_softmax(const Kernels& k, Random& random) {
  for (int n = 0; n < 200; ++n) {
    GuardedInput x(n);
    GuardedOutput actual(n), expected(n);
    random.fill(x);
    CHECK_NEAR(k.sum(x.data(), n), reference::sum(x.data(), n), 1e-4);
    const float beta = random.chance(0.5) ? 1.0f : random.normal();
    reference::softmax(x.data(), expected.data(), n, beta);
    k.softmax(x.data(), actual.data(), n, beta);
    compare(actual, expected, 1e-6);
  }
  GuardedInput far(3);
  GuardedOutput y(3);
  far[0] = 1e30f, far[1] = -1e30f, far[2] = 1e30f;
  k.softmax(far.data(), y.data(), 3, 1.0f);
  CHECK(y[0] == 0.5f && y[1] == 0.0f && y[2] == 0.5f);
}

void test_layout(const Kernels& k, Random& random) {
  for (int i = 0; i < 400; ++i) {
    const int pixels = random.chance(0.1) ? 1 : random.between(0, 50);
    const int channels = random.chance(0.1) ? 1 : random.between(1, 50);
    const std::size_t stride = pixels + random.between(0, 3);
    GuardedInput image(static_cast<std::size_t>(pixels) * channels);
    GuardedOutput planes(channels * stride), expected(channels * stride), back(image.size());
    random.fill(image);
    reference::to_planes(image.data(), expected.data(), pixels, channels, stride);
    k.to_planes(image.data(), planes.data(), pixels, channels, stride);
    compare(planes, expected, 0.0);
    GuardedInput last(pixels ? (channels - 1) * stride + pixels : 0);
    for (std::size_t j = 0; j < last.size(); ++j) last[j] = planes[j];
    k.from_planes(last.data(), back.data(), pixels, channels, stride);
    for (std::size_t j = 0; j < image.size(); ++j) CHECK(back[j] == image[j]);
    back.check();
  }
}

void test_choice() {
  CHECK(find_kernels("portable") != nullptr);
  CHECK(find_kernels("no such set") == nullptr);
  CHECK(find_kernels(best_kernels().name) == &best_kernels());
}

}  // namespace
}  // namespace tfsparse

int main() {
  using namespace tfsparse;
  test_choice();
  for (const char* name : {"avx512", "avx2", "portable"}) {
    const Kernels* k = find_kernels(name);
    if (!k) {
      std::printf("%s: this CPU has it not\n", name);
      continue;
    }
    std::printf("%s\n", name);
    testing::Random random(7);
    test_spmm(*k, random);
    test_gemm(*k, random);
    test_depthwise(*k, random);
    test_pad(*k, random);
    test_unary(*k, random);
    test_sigmoid_is_accurate(*k);
    test_binary(*k, random);
    test_dense_rows(*k, random);
    test_sparse_rows(*k, random);
    test_sum_and_softmax(*k, random);
    test_layout(*k, random);
  }
  return testing::report();
}
