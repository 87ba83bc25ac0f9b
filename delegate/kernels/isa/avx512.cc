// The kernels for AVX-512.
#include "delegate/kernels/isa/select.h"
#include "delegate/kernels/table.h"

namespace tfsparse {

const Kernels kAvx512Kernels = table("avx512");

}  // namespace tfsparse
