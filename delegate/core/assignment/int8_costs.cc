#include "delegate/core/assignment/int8_costs.h"

#include "delegate/kernels/int8/kernels.h"
#include "delegate/kernels/isa/select.h"

#if TFSPARSE_X86
#include <cpuid.h>
#endif
#if TFSPARSE_ARM64 && defined(__linux__)
#include <sys/auxv.h>
#endif

namespace tfsparse {
namespace {

#if TFSPARSE_X86

// Measured layer by layer on one processor that has all of these (Intel Xeon, Sapphire Rapids),
// with the wider sets hidden from XNNPACK. Not AVX-VNNI: its products are assumed to be as fast as
// those of AVX-512 VNNI, per vector.
constexpr Int8Costs kAmx = {0.095, 0.095, 0, 83, 64, 16, 4.7, 13, 15};
constexpr Int8Costs kAvx512Vnni = {0.28, 0.36, 22, 0, 8, 16, 4.7, 13, 15};
constexpr Int8Costs kAvxVnni = {0.28, 0.36, 20, 0, 8, 8, 4.2, 6, 10};
constexpr Int8Costs kAvx2 = {0.93, 1.02, 20, 0, 8, 8, 4.2, 6, 10};

// What the operating system saves of the wide registers, beside the processor's features.
bool saves(unsigned registers) {
  unsigned low, high;
  __asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return (low & registers) == registers;
}

bool has_amx() {
  constexpr unsigned kAmxTile = 1u << 24, kAmxInt8 = 1u << 25, kTileRegisters = 3u << 17;
  unsigned a, b, c, d;
  return __get_cpuid_count(7, 0, &a, &b, &c, &d) && (d & kAmxTile) && (d & kAmxInt8) &&
         saves(kTileRegisters);
}

const Int8Costs& costs_here() {
  if (int8::find_kernels("avx512 vnni")) return has_amx() ? kAmx : kAvx512Vnni;
  return int8::find_kernels("avx vnni") ? kAvxVnni : kAvx2;
}

#else

// Not measured: chosen from the MACs of one instruction and from what XNNPACK takes for the whole
// of MobileNetV2 in an emulator. Other processors than arm64 get the last.
constexpr Int8Costs kMatrix = {0.13, 0.15, 8, 0, 8, 8, 2.5, 6, 6};
constexpr Int8Costs kDot = {0.26, 0.30, 8, 0, 4, 8, 2.5, 6, 6};
constexpr Int8Costs kPlain = {0.60, 0.70, 8, 0, 8, 8, 2.5, 6, 6};

const Int8Costs& costs_here() {
#if TFSPARSE_ARM64 && defined(__linux__)
  constexpr unsigned long kMatrixBit = 1ul << 13;  // HWCAP2_I8MM
  if (getauxval(AT_HWCAP2) & kMatrixBit) return kMatrix;
#endif
  return int8::find_kernels("neon dot") ? kDot : kPlain;
}

#endif

}  // namespace

const Int8Costs& int8_costs() {
  static const Int8Costs& costs = costs_here();
  return costs;
}

}  // namespace tfsparse
