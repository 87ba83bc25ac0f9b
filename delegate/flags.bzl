"""Sources and compiler flags, read by Bazel and, as plain Python, by delegate/sources.py."""

def sources_in(*folders):
    """Patterns of the C++ sources of folders of delegate/."""
    return ["delegate/%s/**/*.cc" % folder for folder in folders]

# No exceptions: Android's older releases crash on one in a library that brings its own C++.
COMMON_FLAGS = [
    "-std=c++17",
    "-O3",
    "-fno-exceptions",
    "-fno-rtti",
    "-fvisibility=hidden",
    "-ffp-contract=off",
    "-Wall",
    "-Wextra",
]

TEST_FLAGS = COMMON_FLAGS + ["-O1"]  # g++ 12 for arm64 fails to vectorise some at the usual -O3

# What the Python module needs beside them.
PYTHON_FLAGS = ["-fexceptions", "-frtti"]

# The sources that are compiled for one instruction set each, and its flags: those of arm64, of
# x86-64 and of every other processor.
ARM64_ISA_FLAGS = {
    # Loads stay where the kernels have them: g++ would move them all to the front, and spill.
    "delegate/kernels/isa/neon.cc": ["-fno-schedule-insns"],
    "delegate/kernels/isa/neon_fp16.cc": ["-fno-schedule-insns", "-march=armv8.2-a+fp16"],
}
PORTABLE_ISA_FLAGS = {
    "delegate/kernels/isa/portable.cc": [],
}
X86_ISA_FLAGS = {
    "delegate/kernels/isa/portable.cc": [],
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
