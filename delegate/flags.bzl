"""Compiler flags, read by Bazel and, as plain Python, by delegate/sources.py."""

COMMON_FLAGS = ["-std=c++17", "-O3", "-fvisibility=hidden", "-ffp-contract=off", "-Wall", "-Wextra"]

# Sources that are compiled for one instruction set each, and its flags.
X86_ISA_FLAGS = {
    "delegate/kernels/isa/avx2.cc": ["-mavx2", "-mfma", "-mf16c"],
    "delegate/kernels/isa/avx512.cc": [
        "-mavx512f",
        "-mavx512bw",
        "-mavx512vl",
        "-mavx512dq",
        "-mavx2",
        "-mfma",
        "-mf16c",
    ],
}
