// The instruction sets of this build.
#pragma once

#include "delegate/kernels/kernels.h"

namespace tfsparse {

#if defined(TFSPARSE_PORTABLE)
// A build without the kernels for its processor.
#elif defined(__x86_64__) || defined(_M_X64)
#define TFSPARSE_X86 1
extern const Kernels kAvx512Kernels;
extern const Kernels kAvx2Kernels;
#elif defined(__aarch64__)
#define TFSPARSE_ARM64 1
extern const Kernels kNeonKernels;
#define TFSPARSE_FP16 1
extern const Kernels kNeonFp16Kernels;
#elif defined(__wasm__)
#define TFSPARSE_WASM 1
extern const Kernels kWasmKernels;
#endif
#if !TFSPARSE_ARM64 && !TFSPARSE_WASM  // where vectors are nothing extra
extern const Kernels kPortableKernels;
#endif

}  // namespace tfsparse
