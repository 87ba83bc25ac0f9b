#include "delegate/core/assignment/int8_costs.h"

#include "delegate/kernels/isa/select.h"

#if TFSPARSE_X86
#include <cpuid.h>
#endif
#if TFSPARSE_ARM64 && defined(__linux__)
#include <asm/hwcap.h>
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

const Int8Costs& costs_here() {
  constexpr unsigned kAmxTile = 1u << 24, kAmxInt8 = 1u << 25, kTileRegisters = 3u << 17;
  constexpr unsigned kAvxVnniBit = 1u << 4;
  unsigned a = 0, b = 0, c = 0, d = 0;
  __builtin_cpu_init();
  const bool has_leaf = __get_cpuid_count(7, 0, &a, &b, &c, &d);
  const bool has_avx512_vnni =
      __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vnni");
  if (has_leaf && has_avx512_vnni && (d & kAmxTile) && (d & kAmxInt8) && saves(kTileRegisters)) {
    return kAmx;
  }
  if (has_avx512_vnni) return kAvx512Vnni;
  if (__builtin_cpu_supports("avx2") && __get_cpuid_count(7, 1, &a, &b, &c, &d) &&
      (a & kAvxVnniBit)) {
    return kAvxVnni;
  }
  return kAvx2;
}

#else

// From XNNPACK's instructions on arm64 in an emulator, and for every other processor.
constexpr Int8Costs kMatrix = {0.13, 0.15, 8, 0, 8, 8, 2.5, 6, 6};
constexpr Int8Costs kDot = {0.26, 0.30, 8, 0, 4, 8, 2.5, 6, 6};
constexpr Int8Costs kPlain = {0.60, 0.70, 8, 0, 8, 8, 2.5, 6, 6};

const Int8Costs& costs_here() {
#if TFSPARSE_ARM64 && defined(__linux__)
  constexpr unsigned long kMatrixBit = 1ul << 13;  // HWCAP2_I8MM
  if (getauxval(AT_HWCAP2) & kMatrixBit) return kMatrix;
  if (getauxval(AT_HWCAP) & HWCAP_ASIMDDP) return kDot;
#endif
  return kPlain;
}

#endif

}  // namespace

const Int8Costs& int8_costs() {
  static const Int8Costs& costs = costs_here();
  return costs;
}

}  // namespace tfsparse
