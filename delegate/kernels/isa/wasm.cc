// The kernels for WebAssembly's SIMD128, or for relaxed SIMD if compiled with it.
#include "delegate/kernels/isa/select.h"
#include "delegate/kernels/table.h"

namespace tfsparse {

#if defined(__wasm_relaxed_simd__)
const Kernels kWasmKernels = table("wasm relaxed");
#else
const Kernels kWasmKernels = table("wasm");
#endif

}  // namespace tfsparse
