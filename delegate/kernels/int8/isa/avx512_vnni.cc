// The int8 kernels for AVX-512 with VNNI.
#include "delegate/kernels/int8/isa/select.h"
#include "delegate/kernels/int8/table.h"

namespace tfsparse {
namespace int8 {

const Kernels kAvx512VnniKernels = table("avx512 vnni");

}  // namespace int8
}  // namespace tfsparse
