#include "delegate/kernels/isa/select.h"

#include <cstdlib>

#if TFSPARSE_FP16 && defined(__linux__)
#include <asm/hwcap.h>
#include <sys/auxv.h>
#endif

#include "delegate/kernels/isa/supported.h"

namespace tfsparse {
namespace {

bool always() { return true; }

#if TFSPARSE_X86
// These builtins also check that the operating system saves the wide registers.
bool has_avx2() {
  __builtin_cpu_init();
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
         __builtin_cpu_supports("f16c");
}
bool has_avx512() {
  return has_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq");
}
#endif

#if TFSPARSE_FP16
bool has_fp16() {
#if defined(__linux__)
  constexpr unsigned long kNeeded = HWCAP_FPHP | HWCAP_ASIMDHP;
  return (getauxval(AT_HWCAP) & kNeeded) == kNeeded;
#else
  return false;  // no CPU detection
#endif
}
#endif

struct InstructionSet {
  const Kernels* kernels;
  bool (*supported)();
  // the float16 kernels, if any
  const Kernels* fp16 = nullptr;
  bool (*fp16_supported)() = nullptr;
};

// Fastest first.
const InstructionSet kInstructionSets[] = {
#if TFSPARSE_X86
    {&kAvx512Kernels, has_avx512},
    {&kAvx2Kernels, has_avx2},
#endif
#if TFSPARSE_FP16
    {&kNeonKernels, always, &kNeonFp16Kernels, has_fp16},
#elif TFSPARSE_ARM64
    {&kNeonKernels, always},
#elif TFSPARSE_WASM
    {&kWasmKernels, always},
#else
    {&kPortableKernels, always},
#endif
};

const Kernels& choose() {
  const char* wanted = std::getenv("TFSPARSE_ISA");
  const Kernels* named = wanted ? find_kernels(wanted) : nullptr;
  if (named) return *named;
  return *supported_kernels().front();
}

}  // namespace

const Kernels* find_kernels(const char* name) { return find_supported(kInstructionSets, name); }

const Kernels* find_fp16_kernels(const Kernels& kernels) {
  for (const InstructionSet& set : kInstructionSets) {
    if (set.kernels == &kernels && set.fp16 && set.fp16_supported()) return set.fp16;
  }
  return nullptr;
}

std::vector<const Kernels*> supported_kernels() { return all_supported(kInstructionSets); }

const Kernels& best_kernels() {
  static const Kernels& chosen = choose();
  return chosen;
}

}  // namespace tfsparse
