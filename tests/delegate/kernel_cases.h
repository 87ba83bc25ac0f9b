// What the tests of kernels share: random sparse weights, comparison, and every instruction set.
#pragma once

#include <cmath>
#include <cstdio>
#include <type_traits>
#include <vector>

#include "delegate/kernels/kernels.h"
#include "tests/delegate/buffers.h"
#include "tests/delegate/check.h"

namespace tfsparse {
namespace testing {

// The most roundings between the exact sum of a kernel and what it stores: four of the longest
// activation that is computed in float16, hard swish, one of adding a residual, and the oracle's
// own.
constexpr int kRoundings = 6;

// How far a result may be from the oracle's: `tolerance`, and in float16 what `roundings` of it, or
// of a difference that it is of a number up to 2, make.
template <class T>
double allowed(double expected, double tolerance, int roundings) {
  constexpr double kEach = std::is_same_v<T, Half> ? kHalfRounding : 0.0;
  return tolerance + roundings * kEach * (std::fabs(expected) + 2.0);
}

// Both outputs alike, gaps that neither may write included.
template <class T>
void compare(GuardedOutput<T>& actual, GuardedOutput<T>& expected, double tolerance,
             int roundings) {
  for (std::size_t i = 0; i < expected.size(); ++i) {
    CHECK_NEAR(actual[i], expected[i], allowed<T>(expected[i], tolerance, roundings));
  }
  actual.check();
}

// What a kernel and its reference, the oracle, write to y of the same arguments.
template <class Args, class T>
void compare(void (*kernel)(const Args&), void (*oracle)(const Args&), Args a,
             GuardedOutput<T>& actual, GuardedOutput<T>& expected, double tolerance,
             int roundings) {
  a.y = expected.data();
  oracle(a);
  a.y = actual.data();
  kernel(a);
  compare(actual, expected, tolerance, roundings);
}

// A random sparse matrix over planes of `plane` elements, of which a run reads the first n:
// `blocks` times `block` output channels, in any order.
template <class T>
struct SparseCase {
  std::vector<T> values;
  std::vector<float> bias;
  std::vector<std::int32_t> offsets, places, channels;
  std::vector<std::uint16_t> narrow_offsets;

  SparseCase(Random& random, int block, int blocks, int inputs, int plane, double density)
      : bias(block * blocks), channels(block * blocks) {
    for (float& value : bias) value = random.number<T>();
    for (int i = 0; i < block * blocks; ++i) {
      const int j = random.between(0, i);  // Fisher-Yates, inside out
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
      places.push_back(static_cast<std::int32_t>(offsets.size() - before));
    }
    values.resize(values.size() + kOverread);
    offsets.insert(offsets.end(), 2, 0);
    narrow_offsets.insert(narrow_offsets.end(), 2, 0);
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

// Calls test(element, kernels, random) for each of them, and for its kernels that compute in
// float16.
template <class Test>
void for_each_table(const Test& test) {
  for_each_instruction_set([&test](const Kernels& kernels, Random& random) {
    test(float(), kernels, random);
    const Kernels* fp16 = find_fp16_kernels(kernels);
    if (fp16 == nullptr) return;
    std::printf("%s\n", fp16->name);
    test(Half(), *fp16, random);
  });
}

}  // namespace testing
}  // namespace tfsparse
