// The kernels beside the convolutions on every instruction set that this CPU has, against the
// oracle, and which of the sets is chosen.
#include "delegate/kernels/kernels.h"

#include <cmath>
#include <vector>

#include "delegate/kernels/reference.h"
#include "tests/delegate/kernel_cases.h"

namespace tfsparse {
namespace {

using testing::compare;
using testing::GuardedInput;
using testing::GuardedOutput;
using testing::Random;
using testing::SparseCase;

void test_unary(const Kernels& k, Random& random) {
  for (int i = 0; i < 300; ++i) {
    const std::size_t n = i < 70 ? i : random.between(0, 500);
    GuardedInput x(n, 0);
    GuardedOutput actual(n), expected(n);
    UnaryArgs a{};
    a.op = static_cast<Unary>(random.between(0, 6));
    const bool of_positive = a.op == Unary::kSqrt || a.op == Unary::kRsqrt;
    for (std::size_t j = 0; j < n; ++j) {
      const float v = 4.0f * random.normal();
      x[j] = of_positive ? std::fabs(v) + 0.1f : v;
    }
    a.x = x.data();
    a.n = n;
    a.epilogue = random.epilogue();
    if (a.op != Unary::kIdentity) a.epilogue.activation = Activation::kNone;
    a.y = expected.data();
    reference::unary(a);
    a.y = actual.data();
    if (random.chance(0.5)) {  // in place
      for (std::size_t j = 0; j < n; ++j) actual[j] = x[j];
      a.x = a.y;
    }
    k.unary(a);
    for (std::size_t j = 0; j < n; ++j) {
      CHECK_NEAR(actual[j], expected[j], 2e-6 * std::fmax(1.0, std::fabs(expected[j])));
    }
    actual.check();
  }
}

float value_of(const Kernels& k, Unary op, Activation activation, float x) {
  UnaryArgs a{};
  a.op = op;
  a.x = a.y = &x;
  a.n = 1;
  a.epilogue.activation = activation;
  k.unary(a);
  return x;
}

float value_of(const Kernels& k, Activation activation, float x) {
  return value_of(k, Unary::kIdentity, activation, x);
}

void check_relative(double actual, double expected) {
  CHECK_NEAR(actual, expected, 1e-6 * std::fabs(expected));
}

void test_activations_are_accurate(const Kernels& k) {
  for (float x = -87.0f; x < 20.0f; x += 0.0137f) {
    const double sigmoid = 1.0 / (1.0 + std::exp(-static_cast<double>(x)));
    check_relative(value_of(k, Activation::kSigmoid, x), sigmoid);
    check_relative(value_of(k, Activation::kSwish, x), x * sigmoid);
  }
  for (float x = 1e-30f; x < 1e4f; x *= 1.07f) {
    for (const float v : {x, -x}) {
      const double exact = v;
      check_relative(value_of(k, Activation::kTanh, v), std::tanh(exact));
      check_relative(value_of(k, Activation::kElu, v), v < 0 ? std::expm1(exact) : exact);
      if (x < 87.0f)
        check_relative(value_of(k, Unary::kExp, Activation::kNone, v), std::exp(exact));
    }
  }
}

void test_activations_of_extremes(const Kernels& k) {
  constexpr float kInfinity = HUGE_VALF;
  for (const float huge : {3e38f, kInfinity}) {
    CHECK(value_of(k, Activation::kSigmoid, huge) == 1.0f);
    CHECK(value_of(k, Activation::kSigmoid, -huge) == 0.0f);
    CHECK(value_of(k, Activation::kTanh, huge) == 1.0f);
    CHECK(value_of(k, Activation::kTanh, -huge) == -1.0f);
    CHECK(value_of(k, Activation::kElu, huge) == huge);
    CHECK(value_of(k, Activation::kElu, -huge) == -1.0f);
    CHECK(value_of(k, Unary::kExp, Activation::kNone, huge) == kInfinity);
    CHECK(value_of(k, Unary::kExp, Activation::kNone, -huge) == 0.0f);
  }
  CHECK(value_of(k, Activation::kSwish, kInfinity) == kInfinity);
  CHECK(value_of(k, Activation::kSwish, -kInfinity) == 0.0f);
  for (const Activation activation :
       {Activation::kSigmoid, Activation::kSwish, Activation::kTanh, Activation::kElu,
        Activation::kLeakyRelu, Activation::kHardSwish, Activation::kNone}) {
    CHECK(std::isnan(value_of(k, activation, NAN)));
  }
  for (const Unary op :
       {Unary::kAbs, Unary::kNegate, Unary::kSquare, Unary::kSqrt, Unary::kRsqrt, Unary::kExp}) {
    CHECK(std::isnan(value_of(k, op, Activation::kNone, NAN)));
  }
}

void test_binary(const Kernels& k, Random& random) {
  for (int i = 0; i < 300; ++i) {
    const std::size_t n = i < 70 ? i : random.between(0, 300);
    BinaryArgs a{};
    a.op = static_cast<Binary>(random.between(0, 6));
    a.a_step = random.between(0, 1);
    a.b_step = random.between(0, 1);
    a.n = n;
    a.epilogue = random.epilogue();
    GuardedInput left(a.a_step ? n : 1, 0), right(a.b_step ? n : 1, 0);
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
    RowsArgs a{};
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

void test_half_rows(const Kernels& k, Random& random) {
  for (int i = 0; i < 200; ++i) {
    const int rows = random.between(0, 40), depth = i < 70 ? i : random.between(0, 200);
    const int count = rows * depth;
    GuardedInput x(depth), memory((count + 1) / 2, 0);
    GuardedOutput actual(rows), expected(rows);
    random.fill(x);
    auto* weights = reinterpret_cast<std::uint16_t*>(memory.data() + memory.size()) - count;
    // Of either sign, up to 32 and down to the smallest subnormal.
    for (int j = 0; j < count; ++j) {
      weights[j] =
          static_cast<std::uint16_t>(random.between(0, 0x5000) | random.between(0, 1) << 15);
    }
    RowsArgs a{};
    a.x = x.data();
    a.rows = rows;
    a.depth = depth;
    a.weights = weights;
    a.epilogue = random.epilogue();
    a.y = expected.data();
    reference::half_rows(a);
    a.y = actual.data();
    k.half_rows(a);
    compare(actual, expected, 1e-4);
  }
}

void test_sparse_rows(const Kernels& k, Random& random) {
  for (int i = 0; i < 200; ++i) {
    const int rows = random.between(0, 40), depth = random.between(1, 200);
    const SparseCase weights(random, 1, rows, depth, 1, random.between(0, 4) * 0.25);
    GuardedInput x(depth, 0);
    GuardedOutput actual(rows), expected(rows);
    random.fill(x);
    SparseRowsArgs a{};
    a.x = x.data();
    a.rows = rows;
    a.values = weights.values.data();
    a.offsets = weights.offsets.data();
    a.row_nnz = weights.places.data();
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
    GuardedInput x(n, 0);
    GuardedOutput actual(n), expected(n);
    random.fill(x);
    CHECK_NEAR(k.sum(x.data(), n), reference::sum(x.data(), n), 1e-4);
    random.fill(actual);
    for (int i = 0; i < n; ++i) expected[i] = actual[i];
    reference::accumulate(x.data(), expected.data(), n);
    k.accumulate(x.data(), actual.data(), n);
    compare(actual, expected, 0.0);
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
  for (const Kernels* kernels : supported_kernels()) {
    CHECK(find_kernels(kernels->name) == kernels);
  }
  CHECK(find_kernels("no such set") == nullptr);
  CHECK(find_kernels(best_kernels().name) == &best_kernels());
}

}  // namespace
}  // namespace tfsparse

int main() {
  using namespace tfsparse;
  test_choice();
  testing::for_each_instruction_set([](const Kernels& k, testing::Random& random) {
    test_unary(k, random);
    test_activations_are_accurate(k);
    test_activations_of_extremes(k);
    test_binary(k, random);
    test_dense_rows(k, random);
    if (k.half_rows) test_half_rows(k, random);
    test_sparse_rows(k, random);
    test_sum_and_softmax(k, random);
    test_layout(k, random);
  });
  return testing::report();
}
