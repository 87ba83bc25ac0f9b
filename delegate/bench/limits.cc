// Loops that do nothing but multiply and add, for one instruction set.
#include "delegate/bench/limits.h"

#if defined(__aarch64__)
#define TFSPARSE_NEON 1
#endif
#include "delegate/kernels/simd.h"

namespace tfsparse {
namespace bench {
namespace {

#if defined(__AVX512F__)
constexpr const char* kName = "avx512";
#elif defined(__AVX2__)
constexpr const char* kName = "avx2";
#elif defined(TFSPARSE_NEON)
constexpr const char* kName = "neon";
#else
constexpr const char* kName = "portable";
#endif

constexpr int kRounds = 1000;
constexpr int kSums = kRegisters - 4;  // more than FMAs can be under way at a time
static_assert(kSums * Vec::kLanes <= kLimitFloats, "");

// Hidden from the optimiser, which would compute equal sums and constant products only once.
Vec hidden(Vec v) {
#if defined(__x86_64__)
  __asm__ volatile("" : "+x"(v.v));
#elif defined(__aarch64__)
  __asm__ volatile("" : "+w"(v.v));
#endif
  return v;
}

template <bool kLoads>
void run(const float* x, float* y) {
  const Vec factor = Vec::broadcast(0.5f);
  Vec in = Vec::load(x);
  Vec sums[kSums];
  TFSPARSE_UNROLL
  for (Vec& sum : sums) sum = hidden(factor);  // else all would be one
  TFSPARSE_NO_UNROLL
  for (int round = 0; round < kRounds; ++round) {
    in = hidden(in);
    __asm__ volatile("" ::: "memory");  // loads again what did not change
    TFSPARSE_UNROLL
    for (int i = 0; i < kSums; ++i) {
      sums[i] = Vec::fma(kLoads ? Vec::load(x + i * Vec::kLanes) : in, factor, sums[i]);
    }
  }
  TFSPARSE_UNROLL
  for (int i = 0; i < kSums; ++i) sums[i].store(y + i * Vec::kLanes);
}

struct Registered : Limits {
  Registered()
      : Limits{kName, 2.0 * kRounds * kSums * Vec::kLanes, run<false>, run<true>, all_limits} {
    all_limits = this;
  }
};
const Registered kRegistered;

}  // namespace
}  // namespace bench
}  // namespace tfsparse
