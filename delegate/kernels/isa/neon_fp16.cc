// The kernels for arm64 processors that compute in float16.
#define TFSPARSE_NEON_FP16 1
#include "delegate/kernels/isa/select.h"
#include "delegate/kernels/table.h"

namespace tfsparse {

const Kernels kNeonFp16Kernels = table("neon fp16");

}  // namespace tfsparse
