// The kernels for arm64's NEON. Selected by our own macro, as the compiler's is also defined for
// portable.cc.
#define TFSPARSE_NEON 1
#include "delegate/kernels/isa/select.h"
#include "delegate/kernels/table.h"

namespace tfsparse {

const Kernels kNeonKernels = table("neon");

}  // namespace tfsparse
