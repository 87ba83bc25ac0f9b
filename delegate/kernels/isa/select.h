// The instruction sets of this build.
#pragma once

#include "delegate/kernels/kernels.h"

namespace tfsparse {

#if defined(__x86_64__) || defined(_M_X64)
#define TFSPARSE_X86 1
extern const Kernels kAvx512Kernels;
extern const Kernels kAvx2Kernels;
#endif
extern const Kernels kPortableKernels;

}  // namespace tfsparse
