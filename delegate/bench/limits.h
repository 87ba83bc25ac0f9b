// The speed that a processor reaches with the vectors of one instruction set. limits.cc is compiled
// once for each, with the flags of the kernels in kernels/isa.
#pragma once

namespace tfsparse {
namespace bench {

struct Limits {
  const char* name;  // as in Kernels
  double flop;       // of a call of either function
  // Independent FMAs. x and y: kLimitFloats floats
  void (*multiply)(const float* x, float* y);
  void (*load_and_multiply)(const float* x, float* y);  // each reads an operand from the L1 cache
  const Limits* next;
};
constexpr int kLimitFloats = 512;

// Those of all instruction sets of this program.
inline const Limits* all_limits = nullptr;

}  // namespace bench
}  // namespace tfsparse
