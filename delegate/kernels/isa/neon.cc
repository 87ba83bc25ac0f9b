// The kernels for arm64's NEON. A macro of ours asks for them, as the compiler's own is defined for
// portable.cc too.
#define TFSPARSE_NEON 1
#include "delegate/kernels/isa/select.h"
#include "delegate/kernels/table.h"

namespace tfsparse {

const Kernels kNeonKernels = table("neon");

}  // namespace tfsparse
