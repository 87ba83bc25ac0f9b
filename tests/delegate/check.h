// What a C++ test needs: CHECK, CHECK_NEAR, and a main that ends with `return report();`.
#pragma once

#include <cmath>
#include <cstdio>

namespace tfsparse {
namespace testing {

struct Counts {
  int checks = 0, failures = 0;
};

inline Counts& counts() {
  static Counts counts;
  return counts;
}

// The first failures are told, all are counted.
inline bool count(bool passed) {
  constexpr int kTold = 20;
  ++counts().checks;
  return !passed && ++counts().failures <= kTold;
}

inline int report() {
  std::printf("%d checks, %d failed\n", counts().checks, counts().failures);
  return counts().failures > 0 || counts().checks == 0;
}

}  // namespace testing
}  // namespace tfsparse

#define CHECK(condition)                                                                 \
  do {                                                                                   \
    if (tfsparse::testing::count(static_cast<bool>(condition))) {                        \
      std::fprintf(stderr, "%s:%d: CHECK(%s) failed\n", __FILE__, __LINE__, #condition); \
    }                                                                                    \
  } while (0)

// Passes for two NaNs and for equal infinities.
#define CHECK_NEAR(actual, expected, tolerance)                                                  \
  do {                                                                                           \
    const double a_ = (actual), e_ = (expected), t_ = (tolerance);                               \
    const bool same_ = a_ == e_ || (std::isnan(a_) && std::isnan(e_));                           \
    if (tfsparse::testing::count(same_ || std::fabs(a_ - e_) <= t_)) {                           \
      std::fprintf(stderr, "%s:%d: %s is %.9g, expected %.9g within %.3g\n", __FILE__, __LINE__, \
                   #actual, a_, e_, t_);                                                         \
    }                                                                                            \
  } while (0)
