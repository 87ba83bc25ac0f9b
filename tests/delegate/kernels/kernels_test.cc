// All other kernels of every instruction set of this CPU against the reference kernels, and the
// choice of the instruction set.
#include "delegate/kernels/kernels.h"

#include <cmath>
#include <type_traits>
#include <vector>

#include "delegate/kernels/reference.h"
#include "gtest/gtest.h"
#include "tests/delegate/kernels/kernel_cases.h"

namespace tfsparse {
namespace {

using testing::agree;
using testing::alike;
using testing::allowed;
using testing::GuardedInput;
using testing::GuardedOutput;
using testing::Half;
using testing::kHalfRounding;
using testing::kRoundings;
using testing::near;
using testing::Random;
using testing::SparseCase;
using ::testing::ValuesIn;

class ElementwiseKernels : public testing::KernelTest {};
INSTANTIATE_TEST_SUITE_P(Cpu, ElementwiseKernels, ValuesIn(testing::all_kernels()),
                         testing::name_of_kernels);
class RowKernels : public testing::KernelTest {};
INSTANTIATE_TEST_SUITE_P(Cpu, RowKernels, ValuesIn(testing::all_kernels()),
                         testing::name_of_kernels);
class LayoutKernels : public testing::KernelTest {};
INSTANTIATE_TEST_SUITE_P(Cpu, LayoutKernels, ValuesIn(testing::all_kernels()),
                         testing::name_of_kernels);

TEST_P(ElementwiseKernels, UnaryOperators) {
  for_element([](auto element, const Kernels& k, Random& random) {
    using T = decltype(element);
    for (int i = 0; i < 300; ++i) {
      const std::size_t n = i < 70 ? i : random.between(0, 500);
      GuardedInput<T> x(n, 0);
      GuardedOutput<T> actual(n), expected(n);
      UnaryArgs a{};
      a.op = static_cast<Unary>(random.between(0, 7));
      const bool of_positive = a.op == Unary::kSqrt || a.op == Unary::kRsqrt || a.op == Unary::kLog;
      for (std::size_t j = 0; j < n; ++j) {
        const float v = 4.0f * random.normal();
        x[j] = of_positive ? std::fabs(v) + 0.1f : v;
      }
      a.x = x.data();
      a.n = n;
      a.epilogue = random.epilogue();
      if (a.op != Unary::kIdentity) a.epilogue.activation = Activation::kNone;
      a.y = expected.data();
      reference::unary<T>(a);
      a.y = actual.data();
      if (random.chance(0.5)) {  // in place
        for (std::size_t j = 0; j < n; ++j) actual[j] = x[j];
        a.x = a.y;
      }
      k.unary(a);
      for (std::size_t j = 0; j < n; ++j) {
        const double tolerance = 2e-6 * std::fmax(1.0, std::fabs(expected[j]));
        ASSERT_TRUE(near(actual[j], expected[j], allowed<T>(expected[j], tolerance, kRoundings)));
      }
      ASSERT_TRUE(actual.zones_untouched());
    }
  });
}

template <class T>
T value_of(const Kernels& k, Unary op, Activation activation, T x) {
  UnaryArgs a{};
  a.op = op;
  a.x = a.y = &x;
  a.n = 1;
  a.epilogue.activation = activation;
  k.unary(a);
  return x;
}

template <class T>
T value_of(const Kernels& k, Activation activation, T x) {
  return value_of(k, Unary::kIdentity, activation, x);
}

// In float16, rounded once, possibly to a subnormal.
template <class T>
::testing::AssertionResult near_relative(T actual, double expected) {
  constexpr bool kHalf = std::is_same_v<T, Half>;
  const double tolerance = 1e-6 + (kHalf ? kHalfRounding : 0.0);
  const T rounded(static_cast<float>(expected));  // to infinity beyond the largest number
  return near(actual, rounded, tolerance * std::fabs(expected) + (kHalf ? 0x1p-24 : 0.0));
}

TEST_P(ElementwiseKernels, ActivationsAreAccurate) {
  for_element([](auto element, const Kernels& k, Random&) {
    using T = decltype(element);
    for (float at = -87.0f; at < 20.0f; at += 0.0137f) {
      const T x(at);
      const double sigmoid = 1.0 / (1.0 + std::exp(-static_cast<double>(x)));
      ASSERT_TRUE(near_relative(value_of(k, Activation::kSigmoid, x), sigmoid));
      ASSERT_TRUE(near_relative(value_of(k, Activation::kSwish, x), x * sigmoid));
    }
    for (float at = -20.0f; at < 20.0f; at += 0.0137f) {
      const T x(at);
      Epilogue epilogue;
      for (const Activation gelu : {Activation::kGelu, Activation::kGeluTanh}) {
        epilogue.activation = gelu;
        const double expected = reference::activate(epilogue, static_cast<double>(x));
        // The rounding error of an exponent grows with x^2. Subnormals become 0.
        const double tolerance = gelu == Activation::kGelu
                                     ? 3e-7 * std::fmax(1.0, std::fabs(at))
                                     : (1e-6 + 2e-7 * at * at) * std::fabs(expected) + 1e-36;
        ASSERT_TRUE(near(value_of(k, gelu, x), expected, allowed<T>(expected, tolerance, 1)));
      }
    }
    for (float x = 1e-30f; x < 1e4f; x *= 1.07f) {
      for (const T v : {T(x), T(-x)}) {
        const double exact = v;
        ASSERT_TRUE(near_relative(value_of(k, Activation::kTanh, v), std::tanh(exact)));
        ASSERT_TRUE(
            near_relative(value_of(k, Activation::kElu, v), v < 0 ? std::expm1(exact) : exact));
        if (x < 87.0f) {
          ASSERT_TRUE(
              near_relative(value_of(k, Unary::kExp, Activation::kNone, v), std::exp(exact)));
        }
      }
    }
  });
}

TEST_P(ElementwiseKernels, LogarithmIsAccurate) {
  for_element([](auto element, const Kernels& k, Random&) {
    using T = decltype(element);
    const auto log = [&](float x) { return value_of(k, Unary::kLog, Activation::kNone, T(x)); };
    // Subnormal numbers too, and those beside 1.
    for (float exponent = -148.0f; exponent < 128.0f; exponent += 0.0137f) {
      const float x = std::exp2(exponent);
      const T rounded(x);
      if (rounded == T(0.0f) || rounded == T(HUGE_VALF)) continue;
      ASSERT_TRUE(near_relative(log(x), std::log(static_cast<double>(rounded)))) << x;
    }
    for (float x = 0.5f; x < 2.0f; x += 0x1p-11f) {
      ASSERT_TRUE(near_relative(log(x), std::log(static_cast<double>(T(x))))) << x;
    }
    EXPECT_EQ(log(HUGE_VALF), T(HUGE_VALF));
    EXPECT_EQ(log(0.0f), T(-HUGE_VALF));
    EXPECT_EQ(log(-0.0f), T(-HUGE_VALF));
    EXPECT_TRUE(std::isnan(log(-1.0f)));
    EXPECT_TRUE(std::isnan(log(-HUGE_VALF)));
  });
}

TEST_P(ElementwiseKernels, ActivationsOfNanAndInfinity) {
  for_element([](auto element, const Kernels& k, Random&) {
    using T = decltype(element);
    const T infinity(HUGE_VALF), zero(0.0f), one(1.0f);
    for (const T huge : {T(3e38f), infinity}) {
      const T least(-huge);
      EXPECT_EQ(value_of(k, Activation::kSigmoid, huge), one);
      EXPECT_EQ(value_of(k, Activation::kSigmoid, least), zero);
      EXPECT_EQ(value_of(k, Activation::kTanh, huge), one);
      EXPECT_EQ(value_of(k, Activation::kTanh, least), -one);
      EXPECT_EQ(value_of(k, Activation::kElu, huge), huge);
      EXPECT_EQ(value_of(k, Activation::kElu, least), -one);
      EXPECT_EQ(value_of(k, Unary::kExp, Activation::kNone, huge), infinity);
      EXPECT_EQ(value_of(k, Unary::kExp, Activation::kNone, least), zero);
    }
    for (const Activation gate : {Activation::kSwish, Activation::kGelu, Activation::kGeluTanh}) {
      EXPECT_EQ(value_of(k, gate, infinity), infinity);
      EXPECT_EQ(value_of(k, gate, T(-infinity)), zero);
    }
    for (const Activation activation :
         {Activation::kSigmoid, Activation::kSwish, Activation::kTanh, Activation::kElu,
          Activation::kLeakyRelu, Activation::kGelu, Activation::kGeluTanh, Activation::kHardSwish,
          Activation::kNone}) {
      EXPECT_TRUE(std::isnan(value_of(k, activation, T(NAN))));
    }
    for (const Unary op : {Unary::kAbs, Unary::kNegate, Unary::kSquare, Unary::kSqrt, Unary::kRsqrt,
                           Unary::kExp, Unary::kLog}) {
      EXPECT_TRUE(std::isnan(value_of(k, op, Activation::kNone, T(NAN))));
    }
  });
}

TEST_P(ElementwiseKernels, BinaryOperators) {
  for_element([](auto element, const Kernels& k, Random& random) {
    using T = decltype(element);
    for (int i = 0; i < 300; ++i) {
      const std::size_t n = i < 70 ? i : random.between(0, 300);
      BinaryArgs a{};
      a.op = static_cast<Binary>(random.between(0, 8));
      a.a_step = random.between(0, 1);
      a.b_step = random.between(0, 1);
      a.n = n;
      a.epilogue = random.epilogue();
      GuardedInput<T> left(a.a_step ? n : 1, 0), right(a.b_step ? n : 1, 0);
      GuardedOutput<T> actual(n), expected(n);
      random.fill(left);
      random.fill(right);
      for (std::size_t j = 0; j < right.size(); ++j) right[j] += right[j] < 0 ? -0.1f : 0.1f;
      if (a.op == Binary::kPower) {
        for (std::size_t j = 0; j < left.size(); ++j) left[j] = std::fabs(left[j]) + 0.1f;
      }
      a.a = left.data();
      a.b = right.data();
      a.y = expected.data();
      reference::binary<T>(a);
      a.y = actual.data();
      if (a.a_step && random.chance(0.3)) {  // in place
        for (std::size_t j = 0; j < n; ++j) actual[j] = left[j];
        a.a = a.y;
      }
      k.binary(a);
      ASSERT_TRUE(alike(actual, expected, 2e-5, kRoundings));
    }
  });
}

// Also of negative numbers and of 0, as in the C library.
TEST_P(ElementwiseKernels, PowersOfNumbersBelowZero) {
  for_element([](auto element, const Kernels& k, Random&) {
    using T = decltype(element);
    for (const float exponent : {3.0f, 2.0f, -1.0f, 0.5f, 0.0f, 2.5f}) {
      for (const float base : {-2.0f, -0.5f, 0.0f, 0.5f, 3.0f}) {
        const T left(base), right(exponent);
        T y(0.0f);
        k.binary({Binary::kPower, &left, &right, 1, 0, &y, 1, {}});
        const double expected = std::pow(static_cast<double>(base), exponent);
        if (std::isnan(expected)) {
          EXPECT_TRUE(std::isnan(y)) << base << " ^ " << exponent;
        } else {
          EXPECT_TRUE(near_relative(y, expected)) << base << " ^ " << exponent;
        }
      }
    }
  });
}

TEST_P(RowKernels, DenseRows) {
  for_element([](auto element, const Kernels& k, Random& random) {
    using T = decltype(element);
    for (int i = 0; i < 200; ++i) {
      const int rows = random.between(0, 40), depth = i < 70 ? i : random.between(0, 200);
      GuardedInput<T> x(depth), weights(static_cast<std::size_t>(rows) * depth);
      GuardedInput<float> bias(rows, 0);
      GuardedOutput<T> actual(rows), expected(rows);
      random.fill(x);
      random.fill(weights);
      random.fill<T>(bias);
      RowsArgs a{};
      a.x = x.data();
      a.rows = rows;
      a.depth = depth;
      a.weights = weights.data();
      a.bias = random.chance(0.8) ? bias.data() : nullptr;
      a.epilogue = random.epilogue();
      ASSERT_TRUE(
          agree(k.dense_rows, reference::dense_rows<T>, a, actual, expected, 1e-4, kRoundings));
    }
  });
}

TEST_P(RowKernels, Float16Rows) {
  if (!GetParam()->half_rows) GTEST_SKIP() << "computes in float16 anyway";
  for_element([](auto, const Kernels& k, Random& random) {
    for (int i = 0; i < 200; ++i) {
      const int rows = random.between(0, 40), depth = i < 70 ? i : random.between(0, 200);
      const int count = rows * depth;
      GuardedInput<float> x(depth), memory((count + 1) / 2, 0);
      GuardedOutput<float> actual(rows), expected(rows);
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
      ASSERT_TRUE(
          agree(k.half_rows, reference::half_rows<float>, a, actual, expected, 1e-4, kRoundings));
    }
  });
}

TEST_P(RowKernels, SparseRows) {
  for_element([](auto element, const Kernels& k, Random& random) {
    using T = decltype(element);
    for (int i = 0; i < 200; ++i) {
      const int rows = random.between(0, 40), depth = random.between(1, 200);
      std::vector<std::int32_t> nnz, wide;
      for (int row = 0; row < rows; ++row) {
        nnz.push_back(kRowGroup * random.between(0, 4));
        for (int j = 0; j < nnz.back(); ++j) wide.push_back(random.between(0, depth - 1));
      }
      const std::vector<std::uint16_t> narrow(wide.begin(), wide.end());
      GuardedInput<T> x(depth, 0), values(wide.size(), 0);
      GuardedInput<float> bias(rows, 0);
      GuardedOutput<T> actual(rows), expected(rows);
      random.fill(x);
      random.fill(values);
      random.fill<T>(bias);
      SparseRowsArgs a{};
      a.x = x.data();
      a.rows = rows;
      a.values = values.data();
      a.narrow_offsets = random.chance(0.5) ? narrow.data() : nullptr;
      a.wide_offsets = wide.data();
      a.row_nnz = nnz.data();
      a.bias = random.chance(0.8) ? bias.data() : nullptr;
      a.epilogue = random.epilogue();
      ASSERT_TRUE(
          agree(k.sparse_rows, reference::sparse_rows<T>, a, actual, expected, 1e-4, kRoundings));
    }
  });
}

TEST_P(RowKernels, LayerNorm) {
  for_element([](auto element, const Kernels& k, Random& random) {
    using T = decltype(element);
    for (int n = 0; n < 150; ++n) {
      LayerNormArgs a{};
      a.n = n;
      a.channels = random.between(1, 20);
      a.x_stride = n + random.between(0, 3);
      a.y_stride = n + random.between(0, 3);
      a.epsilon = 0.01f;
      const auto size = [&](std::size_t stride) { return (a.channels - 1) * stride + n; };
      GuardedInput<T> x(size(a.x_stride), 0);
      GuardedInput<float> gamma(a.channels, 0), beta(a.channels, 0);
      GuardedOutput<T> actual(size(a.y_stride)), expected(size(a.y_stride));
      random.fill(x);
      random.fill(gamma);
      random.fill(beta);
      a.x = x.data();
      a.gamma = gamma.data();
      a.beta = beta.data();
      ASSERT_TRUE(
          agree(k.layer_norm, reference::layer_norm<T>, a, actual, expected, 1e-4, kRoundings));
    }
  });
}

TEST_P(RowKernels, Sums) {
  for_element([](auto element, const Kernels& k, Random& random) {
    using T = decltype(element);
    for (int n = 0; n < 200; ++n) {
      GuardedInput<T> x(n, 0);
      GuardedOutput<float> actual(n), expected(n);
      random.fill(x);
      ASSERT_TRUE(near(k.sum(x.data(), n), reference::sum<T>(x.data(), n), 1e-4));
      random.fill(actual);
      for (int i = 0; i < n; ++i) expected[i] = actual[i];
      reference::accumulate<T>(x.data(), expected.data(), n);
      k.accumulate(x.data(), actual.data(), n);
      ASSERT_TRUE(alike(actual, expected, 0.0, 0));
    }
  });
}

TEST_P(RowKernels, Softmax) {
  for_element([](auto element, const Kernels& k, Random& random) {
    using T = decltype(element);
    // The exponential, the sum, the quotient, and the reference.
    const double rounding = std::is_same_v<T, Half> ? 4 * kHalfRounding : 0.0;
    for (int n = 0; n < 200; ++n) {
      GuardedInput<T> x(n, 0);
      GuardedOutput<T> actual(n), expected(n);
      random.fill(x);
      const float beta = random.chance(0.5) ? 1.0f : random.normal();
      reference::softmax<T>(x.data(), expected.data(), n, beta);
      k.softmax(x.data(), actual.data(), n, beta);
      for (int i = 0; i < n; ++i) {
        ASSERT_TRUE(near(actual[i], expected[i], 1e-6 + rounding * expected[i]));
      }
      ASSERT_TRUE(actual.zones_untouched());
    }
    GuardedInput<T> far(3);
    GuardedOutput<T> y(3);
    const float most = std::is_same_v<T, Half> ? 6e4f : 1e30f;
    far[0] = most, far[1] = -most, far[2] = most;
    k.softmax(far.data(), y.data(), 3, 1.0f);
    EXPECT_EQ(y[0], 0.5f);
    EXPECT_EQ(y[1], 0.0f);
    EXPECT_EQ(y[2], 0.5f);
  });
}

// Every float16 number and the midpoints between them, which round to even.
TEST_P(ElementwiseKernels, Conversion) {
  for_element([](auto element, const Kernels& k, Random&) {
    using T = decltype(element);
    std::vector<float> x;
    for (int bits = 0; bits < 0x10000; ++bits) {
      const float v = widen(static_cast<std::uint16_t>(bits));
      x.insert(x.end(), {v, v * (1.0f + 0x1p-11f), v * 1.0003f});
    }
    std::vector<T> elements(x.size());
    std::vector<float> back(x.size());
    k.from_floats(x.data(), elements.data(), x.size());
    k.to_floats(elements.data(), back.data(), x.size());
    for (std::size_t i = 0; i < x.size(); ++i) {
      ASSERT_TRUE(near(elements[i], T(x[i]), 0.0));
      ASSERT_TRUE(near(back[i], elements[i], 0.0));
    }
  });
}

TEST_P(LayoutKernels, ToChw) {
  for_element([](auto element, const Kernels& k, Random& random) {
    using T = decltype(element);
    for (int i = 0; i < 400; ++i) {
      const int pixels = random.chance(0.1) ? 1 : random.between(0, 50);
      const int channels = random.chance(0.1) ? 1 : random.between(1, 50);
      const std::size_t stride = pixels + random.between(0, 3);
      GuardedInput<T> image(static_cast<std::size_t>(pixels) * channels, 0);
      GuardedOutput<T> planes(channels * stride), expected(channels * stride);
      random.fill(image);
      reference::to_chw<T>(image.data(), expected.data(), pixels, channels, stride);
      k.to_chw(image.data(), planes.data(), pixels, channels, stride);
      ASSERT_TRUE(alike(planes, expected, 0.0, 0));
    }
  });
}

TEST_P(LayoutKernels, FromChw) {
  for_element([](auto element, const Kernels& k, Random& random) {
    using T = decltype(element);
    for (int i = 0; i < 800; ++i) {
      FromChwArgs a{};
      a.pixels = random.chance(0.1) ? 1 : random.between(0, 50);
      a.channels = random.chance(0.3) ? random.between(1, 4) : random.between(1, 50);
      a.rows = random.between(0, 4);
      a.x_row_stride = a.pixels + random.between(0, 3);
      a.plane_stride = a.rows * a.x_row_stride + random.between(0, 3);
      a.y_row_stride = a.pixels * a.channels + random.between(0, 3);
      const bool empty = a.rows == 0 || a.pixels == 0;
      // The last plane ends with its last pixel: reading beyond crashes.
      GuardedInput<T> x(
          empty ? 0 : (a.channels - 1) * a.plane_stride + (a.rows - 1) * a.x_row_stride + a.pixels,
          0);
      GuardedOutput<T> actual(a.rows * a.y_row_stride), expected(a.rows * a.y_row_stride);
      random.fill(x);
      a.x = x.data();
      ASSERT_TRUE(agree(k.from_chw, reference::from_chw<T>, a, actual, expected, 0.0, 0));
    }
  });
}

TEST(Kernels, AreChosenByName) {
  for (const Kernels* kernels : supported_kernels()) {
    EXPECT_EQ(find_kernels(kernels->name), kernels);
    EXPECT_EQ(kernels->element_bytes, sizeof(float));
    const Kernels* fp16 = find_fp16_kernels(*kernels);
    EXPECT_TRUE(fp16 == nullptr || fp16->element_bytes == sizeof(Half));
  }
  EXPECT_EQ(find_kernels("no such set"), nullptr);
  EXPECT_EQ(find_kernels(best_kernels().name), &best_kernels());
}

}  // namespace
}  // namespace tfsparse
