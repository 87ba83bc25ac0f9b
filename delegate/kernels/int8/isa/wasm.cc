// The int8 kernels for WebAssembly's SIMD128, or for relaxed SIMD if compiled with it.
#include "delegate/kernels/int8/isa/select.h"
#include "delegate/kernels/int8/table.h"

namespace tfsparse {
namespace int8 {

#if defined(__wasm_relaxed_simd__)
const Kernels kWasmKernels = table("wasm relaxed");
#else
const Kernels kWasmKernels = table("wasm");
#endif

}  // namespace int8
}  // namespace tfsparse
