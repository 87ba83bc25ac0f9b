// The kernels for AVX2 with FMA.
#include "delegate/kernels/isa/select.h"
#include "delegate/kernels/table.h"

namespace tfsparse {

const Kernels kAvx2Kernels = table("avx2");

}  // namespace tfsparse
