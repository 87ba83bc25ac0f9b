// The instruction sets of this build, see ../../isa/select.h.
#pragma once

#include "delegate/kernels/int8/kernels.h"
#include "delegate/kernels/isa/select.h"

namespace tfsparse {
namespace int8 {

#if TFSPARSE_X86
extern const Kernels kAvx512VnniKernels;
extern const Kernels kAvxVnniKernels;
extern const Kernels kAvx2Kernels;
#elif TFSPARSE_ARM64
extern const Kernels kNeonDotKernels;
extern const Kernels kNeonKernels;
#elif TFSPARSE_WASM
extern const Kernels kWasmKernels;
#endif
#if !TFSPARSE_ARM64 && !TFSPARSE_WASM
extern const Kernels kPortableKernels;
#endif

}  // namespace int8
}  // namespace tfsparse
