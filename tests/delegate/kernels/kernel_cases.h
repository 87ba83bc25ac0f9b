// Shared by the kernel tests: random sparse weights, comparison, all instruction sets.
#pragma once

#include <algorithm>
#include <cmath>
#include <string>
#include <type_traits>
#include <vector>

#include "delegate/kernels/kernels.h"
#include "gtest/gtest.h"
#include "tests/delegate/core/buffers.h"

namespace tfsparse {
namespace testing {

// The most roundings between the exact sum and the stored result: four of hard swish, the longest
// activation in float16, one of the residual, one of the reference.
constexpr int kRoundings = 6;

// The allowed difference from the reference: `tolerance`, plus in float16 `roundings` of the
// result, or of a difference of numbers up to 2.
template <class T>
double allowed(double expected, double tolerance, int roundings) {
  constexpr double kEach = std::is_same_v<T, Half> ? kHalfRounding : 0.0;
  return tolerance + roundings * kEach * (std::fabs(expected) + 2.0);
}

// Whether two numbers differ by at most `tolerance`. NaN matches NaN, infinity itself.
inline ::testing::AssertionResult near(double actual, double expected, double tolerance) {
  const bool same = actual == expected || (std::isnan(actual) && std::isnan(expected));
  if (same || std::fabs(actual - expected) <= tolerance) return ::testing::AssertionSuccess();
  return ::testing::AssertionFailure()
         << ::testing::PrintToString(actual) << ", expected " << ::testing::PrintToString(expected)
         << " within " << tolerance;
}

// Whether outputs match, including gaps that must not be written, and guard zones are unchanged.
template <class T>
::testing::AssertionResult alike(GuardedOutput<T>& actual, GuardedOutput<T>& expected,
                                 double tolerance, int roundings) {
  for (std::size_t i = 0; i < expected.size(); ++i) {
    auto result = near(actual[i], expected[i], allowed<T>(expected[i], tolerance, roundings));
    if (!result) return result << " at " << i << " of " << expected.size();
  }
  if (actual.zones_untouched()) return ::testing::AssertionSuccess();
  return ::testing::AssertionFailure() << "written outside of the output";
}

// Whether a kernel and its reference write the same y for the same arguments.
template <class Args, class T>
::testing::AssertionResult agree(void (*kernel)(const Args&), void (*oracle)(const Args&), Args a,
                                 GuardedOutput<T>& actual, GuardedOutput<T>& expected,
                                 double tolerance, int roundings) {
  a.y = expected.data();
  oracle(a);
  a.y = actual.data();
  kernel(a);
  return alike(actual, expected, tolerance, roundings);
}

// A random sparse matrix over planes of `plane` elements. Runs read the first n. It has `blocks`
// times `block` output channels in random order.
template <class T>
struct SparseCase {
  std::vector<T> values;
  std::vector<float> bias;
  std::vector<std::int32_t> offsets, nnz, channels;
  std::vector<std::uint16_t> narrow_offsets;

  SparseCase(Random& random, int block, int blocks, int inputs, int plane, double density)
      : bias(block * blocks), channels(block * blocks) {
    for (float& value : bias) value = random.number<T>();
    for (int i = 0; i < block * blocks; ++i) {
      const int j = random.between(0, i);  // inside-out Fisher-Yates shuffle
      channels[i] = channels[j];
      channels[j] = i;
    }
    for (int i = 0; i < blocks; ++i) {
      const std::size_t before = offsets.size();
      for (int c = 0; c < inputs; ++c) {
        if (!random.chance(density)) continue;
        for (int j = 0; j < block; ++j) values.push_back(T(random.number<T>()));
        offsets.push_back(c * plane);
        narrow_offsets.push_back(static_cast<std::uint16_t>(c * plane));
      }
      nnz.push_back(static_cast<std::int32_t>(offsets.size() - before));
    }
    values.resize(values.size() + kOverread);
    offsets.insert(offsets.end(), 2, 0);
    narrow_offsets.insert(narrow_offsets.end(), 2, 0);
  }
};

// Runs each test for every instruction set of this CPU, and for its float16 kernels if any:
//   class MyKernels : public KernelTest {};
//   INSTANTIATE_TEST_SUITE_P(Cpu, MyKernels, ValuesIn(all_kernels()), name_of_kernels);
class KernelTest : public ::testing::TestWithParam<const Kernels*> {
 protected:
  // Calls test(element, kernels, random). `element` has the kernels' type, float or Half.
  template <class Test>
  static void for_element(const Test& test) {
    Random random(7);
    const Kernels& kernels = *GetParam();
    if (kernels.element_bytes == sizeof(float)) {
      test(float(), kernels, random);
    } else {
      test(Half(), kernels, random);
    }
  }
};

inline std::vector<const Kernels*> all_kernels() {
  std::vector<const Kernels*> all;
  for (const Kernels* kernels : supported_kernels()) {
    all.push_back(kernels);
    if (const Kernels* fp16 = find_fp16_kernels(*kernels)) all.push_back(fp16);
  }
  return all;
}

inline std::string name_of_kernels(const ::testing::TestParamInfo<const Kernels*>& info) {
  std::string name = info.param->name;
  std::replace(name.begin(), name.end(), ' ', '_');
  return name;
}

}  // namespace testing
}  // namespace tfsparse
