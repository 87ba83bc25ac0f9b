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

// Calls test(kernels, random) for each instruction set that this CPU has.
template <class Test>
void for_each_instruction_set(const Test& test) {
  for (const char* name : {"avx512", "avx2", "portable"}) {
    const Kernels* kernels = find_kernels(name);
    std::printf("%s: %s\n", name, kernels ? "tested" : "not on this CPU");
    Random random(7);
    if (kernels) test(*kernels, random);
  }
}

}  // namespace testing
}  // namespace tfsparse
