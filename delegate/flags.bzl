"""Sources and compiler flags, read by Bazel and, as plain Python, by delegate/sources.py."""

def sources_in(*folders):
    """Patterns of the C++ sources of folders of delegate/."""
    return ["delegate/%s/**/*.cc" % folder for folder in folders]

COMMON_FLAGS = [
    "-std=c++17",
    "-O3",
    "-fno-rtti",
    "-fvisibility=hidden",
    "-ffp-contract=off",
    "-Wall",
    "-Wextra",
]

TEST_FLAGS = COMMON_FLAGS + ["-O1"]  # g++ 12 for arm64 fails to vectorise some at the usual -O3

# What the Python module needs beside them.
PYTHON_FLAGS = ["-frtti"]

# Kernels allocate nothing, and so throw nothing. g++ 12 fails to compile some that might.
_KERNEL_FLAGS = ["-fno-exceptions"]
_AVX2_FLAGS = _KERNEL_FLAGS + ["-mavx2", "-mfma", "-mf16c"]
_AVX512_FLAGS = _AVX2_FLAGS + ["-mavx512f", "-mavx512bw", "-mavx512vl", "-mavx512dq"]

# Loads stay where the kernels have them: g++ would move them all to the front, and spill.
_NEON_FLAGS = _KERNEL_FLAGS + ["-fno-schedule-insns"]

_WASM_FLAGS = _KERNEL_FLAGS + ["-msimd128"]

# The sources that are compiled for one instruction set each, and its flags: those of arm64, of
# WebAssembly, of x86-64 and of every other processor.
ARM64_ISA_FLAGS = {
    "delegate/kernels/isa/neon.cc": _NEON_FLAGS,
    "delegate/kernels/isa/neon_fp16.cc": _NEON_FLAGS + ["-march=armv8.2-a+fp16"],
    "delegate/kernels/int8/isa/neon.cc": _NEON_FLAGS,
    "delegate/kernels/int8/isa/neon_dot.cc": _NEON_FLAGS + ["-march=armv8.2-a+dotprod"],
}
PORTABLE_ISA_FLAGS = {
    "delegate/kernels/isa/portable.cc": _KERNEL_FLAGS,
    "delegate/kernels/int8/isa/portable.cc": _KERNEL_FLAGS,
}
WASM_ISA_FLAGS = {
    "delegate/kernels/isa/wasm.cc": _WASM_FLAGS,
    "delegate/kernels/int8/isa/wasm.cc": _WASM_FLAGS,
}
X86_ISA_FLAGS = {
    "delegate/kernels/isa/portable.cc": _KERNEL_FLAGS,
    "delegate/kernels/isa/avx2.cc": _AVX2_FLAGS,
    "delegate/kernels/isa/avx512.cc": _AVX512_FLAGS,
    "delegate/kernels/int8/isa/portable.cc": _KERNEL_FLAGS,
    "delegate/kernels/int8/isa/avx2.cc": _AVX2_FLAGS,
    "delegate/kernels/int8/isa/avx_vnni.cc": _AVX2_FLAGS + ["-mavxvnni"],
    "delegate/kernels/int8/isa/avx512_vnni.cc": _AVX512_FLAGS + ["-mavx512vnni"],
}
