// What the tests of kernels share: random sparse weights, comparison, and every instruction set.
#pragma once

#include <cstdio>
#include <vector>

#include "delegate/kernels/kernels.h"
#include "tests/delegate/buffers.h"
#include "tests/delegate/check.h"

namespace tfsparse {
namespace testing {

// Both outputs alike, gaps that neither may write included.
inline void compare(GuardedOutput& actual, GuardedOutput& expected, double tolerance) {
  for (std::size_t i = 0; i < expected.size(); ++i) CHECK_NEAR(actual[i], expected[i], tolerance);
  actual.check();
}

// A random sparse matrix over planes of `plane` floats, of which a run reads the first n: `blocks`
// times `block` output channels, in any order.
struct SparseCase {
  std::vector<float> values, bias;
  std::vector<std::int32_t> offsets, places, channels;
  std::vector<std::uint16_t> narrow_offsets;

  SparseCase(Random& random, int block, int blocks, int inputs, int plane, double density)
      : bias(block * blocks), channels(block * blocks) {
    random.fill(bias);
    for (int i = 0; i < block * blocks; ++i) {
      const int j = random.between(0, i);  // Fisher-Yates, inside out
      channels[i] = channels[j];
      channels[j] = i;
    }
    for (int i = 0; i < blocks; ++i) {
      const std::size_t before = offsets.size();
      for (int c = 0; c < inputs; ++c) {
        if (!random.chance(density)) continue;
        for (int j = 0; j < block; ++j) values.push_back(random.normal());
        offsets.push_back(c * plane);
        narrow_offsets.push_back(static_cast<std::uint16_t>(c * plane));
      }
      places.push_back(static_cast<std::int32_t>(offsets.size() - before));
    }
  }
};

// Calls test(kernels, random) for each instruction set that this CPU has.
template <class Test>
void for_each_instruction_set(const Test& test) {
  for (const Kernels* kernels : supported_kernels()) {
    std::printf("%s\n", kernels->name);
    Random random(7);
    test(*kernels, random);
  }
}

}  // namespace testing
}  // namespace tfsparse
