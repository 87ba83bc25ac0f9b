// The int8 kernels for any processor.
#include "delegate/kernels/int8/isa/select.h"
#include "delegate/kernels/int8/table.h"

namespace tfsparse {
namespace int8 {

const Kernels kPortableKernels = table("portable");

}  // namespace int8
}  // namespace tfsparse
