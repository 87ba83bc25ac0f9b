// What the tests of int8 kernels share: guarded bytes, random scales, and every instruction set.
#pragma once

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "delegate/kernels/int8/kernels.h"
#include "delegate/kernels/int8/pack.h"
#include "delegate/kernels/int8/reference.h"
#include "gtest/gtest.h"
#include "tests/delegate/core/buffers.h"

namespace tfsparse {
namespace int8 {
namespace testing {

using tfsparse::testing::GuardedInput;
using tfsparse::testing::GuardedOutput;
using tfsparse::testing::Random;

using Bytes = GuardedInput<std::int8_t>;
using OutputBytes = GuardedOutput<std::int8_t>;

// Bytes of any value, the smallest and the largest more often than others.
template <class Buffer>
void fill_bytes(Random& random, Buffer& buffer, int lowest = -128) {
  for (std::size_t i = 0; i < buffer.size(); ++i) {
    const bool extreme = random.chance(0.2);
    buffer[i] = static_cast<std::int8_t>(extreme ? (random.chance(0.5) ? lowest : 127)
                                                 : random.between(lowest, 127));
  }
}

inline Output random_output(Random& random) {
  Output output;
  output.zero_point = random.chance(0.2) ? -128 : random.between(-128, 127);
  if (random.chance(0.5)) output.lo = random.between(-128, 127);
  if (random.chance(0.5)) output.hi = random.between(output.lo, 127);
  return output;
}

inline Add random_add(Random& random) {
  Add add;
  const auto scale = [&] { return 0.01 * random.between(1, 1600); };
  const auto how = random.chance(0.5) ? add_of : subtract_of;
  EXPECT_TRUE(how(scale(), random.between(-128, 127), scale(), random.between(-128, 127), 1.0,
                  random_output(random), &add));
  return add;
}

// Multipliers with which sums of `terms` products are spread over some hundred codes; sometimes
// over more than 16 bits.
inline std::vector<float> random_multipliers(Random& random, int count, int terms) {
  std::vector<float> multipliers(count);
  const float spread = random.chance(0.2) ? 1000.0f : 1.0f;
  for (float& multiplier : multipliers) {
    multiplier = std::exp(random.normal()) / (60.0f * std::sqrt(1.0f + terms));
    multiplier = std::min(0.9f, multiplier * spread);
  }
  return multipliers;
}

// Whether a kernel writes the same as its reference, oracle(args), gaps that neither may write
// included.
template <class Args, class Oracle>
::testing::AssertionResult agree(void (*kernel)(const Args&), const Oracle& oracle, Args a,
                                 std::size_t size) {
  OutputBytes actual(size), expected(size);
  a.y = expected.data();
  oracle(a);
  a.y = actual.data();
  kernel(a);
  for (std::size_t i = 0; i < size; ++i) {
    if (actual[i] == expected[i]) continue;
    return ::testing::AssertionFailure()
           << int{actual[i]} << ", expected " << int{expected[i]} << " at " << i << " of " << size;
  }
  if (actual.zones_untouched()) return ::testing::AssertionSuccess();
  return ::testing::AssertionFailure() << "written outside of the output";
}

// The tests of a suite of this run once for each instruction set that this CPU has:
//   class MyKernels : public KernelTest {};
//   INSTANTIATE_TEST_SUITE_P(Cpu, MyKernels, ValuesIn(supported_kernels()), name_of_kernels);
class KernelTest : public ::testing::TestWithParam<const Kernels*> {
 protected:
  const Kernels& k = *GetParam();
  Random random{7};
};

inline std::string name_of_kernels(const ::testing::TestParamInfo<const Kernels*>& info) {
  std::string name = info.param->name;
  std::replace(name.begin(), name.end(), ' ', '_');
  return name;
}

}  // namespace testing
}  // namespace int8
}  // namespace tfsparse
