// The int8 kernels for AVX2.
#include "delegate/kernels/int8/isa/select.h"
#include "delegate/kernels/int8/table.h"

namespace tfsparse {
namespace int8 {

const Kernels kAvx2Kernels = table("avx2");

}  // namespace int8
}  // namespace tfsparse
