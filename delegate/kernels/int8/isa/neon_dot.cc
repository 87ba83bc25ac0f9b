// The int8 kernels for arm64 processors with dot products.
#define TFSPARSE_NEON 1
#include "delegate/kernels/int8/isa/select.h"
#include "delegate/kernels/int8/table.h"

namespace tfsparse {
namespace int8 {

const Kernels kNeonDotKernels = table("neon dot");

}  // namespace int8
}  // namespace tfsparse
