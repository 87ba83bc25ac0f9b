// The int8 kernels for AVX2 with AVX-VNNI.
#include "delegate/kernels/int8/isa/select.h"
#include "delegate/kernels/int8/table.h"

namespace tfsparse {
namespace int8 {

const Kernels kAvxVnniKernels = table("avx vnni");

}  // namespace int8
}  // namespace tfsparse
