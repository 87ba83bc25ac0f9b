#include "delegate/kernels/int8/isa/select.h"

#include <cstdlib>

#if TFSPARSE_X86
#include <cpuid.h>
#endif
#if TFSPARSE_ARM64 && defined(__linux__)
#include <asm/hwcap.h>
#include <sys/auxv.h>
#endif

#include "delegate/kernels/isa/supported.h"

namespace tfsparse {
namespace int8 {
namespace {

bool always() { return true; }

#if TFSPARSE_X86
// These also ask the operating system whether it saves the wide registers.
bool has_avx2() { return tfsparse::find_kernels("avx2") != nullptr; }
bool has_avx512_vnni() {
  return tfsparse::find_kernels("avx512") != nullptr && __builtin_cpu_supports("avx512vnni");
}
// Not every compiler's __builtin_cpu_supports() knows it.
bool has_avx_vnni() {
  unsigned a, b, c, d;
  constexpr unsigned kAvxVnni = 1u << 4;
  return has_avx2() && __get_cpuid_count(7, 1, &a, &b, &c, &d) && (a & kAvxVnni);
}
#endif

#if TFSPARSE_ARM64
bool has_dot_products() {
#if defined(__linux__)
  return getauxval(AT_HWCAP) & HWCAP_ASIMDDP;
#else
  return false;  // nobody to ask
#endif
}
#endif

struct InstructionSet {
  const Kernels* kernels;
  bool (*supported)();
};

// Fastest first.
const InstructionSet kInstructionSets[] = {
#if TFSPARSE_X86
    {&kAvx512VnniKernels, has_avx512_vnni},
    {&kAvxVnniKernels, has_avx_vnni},
    {&kAvx2Kernels, has_avx2},
#endif
#if TFSPARSE_ARM64
    {&kNeonDotKernels, has_dot_products},
    {&kNeonKernels, always},
#elif TFSPARSE_WASM
    {&kWasmKernels, always},
#else
    {&kPortableKernels, always},
#endif
};

}  // namespace

const Kernels* find_kernels(const char* name) { return find_supported(kInstructionSets, name); }

std::vector<const Kernels*> supported_kernels() { return all_supported(kInstructionSets); }

const Kernels& kernels_beside(const tfsparse::Kernels& floats) {
  const char* wanted = std::getenv("TFSPARSE_ISA");
  const Kernels* named = wanted ? find_kernels(wanted) : nullptr;
  if (named != nullptr && named->lanes <= floats.lanes) return *named;
  const std::vector<const Kernels*> supported = supported_kernels();
  for (const Kernels* kernels : supported) {
    if (kernels->lanes <= floats.lanes) return *kernels;
  }
  return *supported.back();
}

}  // namespace int8
}  // namespace tfsparse
