// The kernels for any processor.
#include "delegate/kernels/isa/select.h"
#include "delegate/kernels/table.h"

namespace tfsparse {

const Kernels kPortableKernels = table("portable");

}  // namespace tfsparse
