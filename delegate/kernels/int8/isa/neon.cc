// The int8 kernels for arm64's NEON.
#define TFSPARSE_NEON 1
#include "delegate/kernels/int8/isa/select.h"
#include "delegate/kernels/int8/table.h"

namespace tfsparse {
namespace int8 {

const Kernels kNeonKernels = table("neon");

}  // namespace int8
}  // namespace tfsparse
