"""Which C++ sources there are and the flags of each: shared by setup.py and the C++ tests."""

import platform
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

COMMON_FLAGS = ["-std=c++17", "-O3", "-fvisibility=hidden", "-ffp-contract=off", "-Wall", "-Wextra"]

X86 = platform.machine().lower() in ("x86_64", "amd64")
X86_ISA_FLAGS = {
    "delegate/kernels/isa/avx2.cc": ["-mavx2", "-mfma"],
    "delegate/kernels/isa/avx512.cc": [
        *("-mavx512f", "-mavx512bw", "-mavx512vl", "-mavx512dq", "-mavx2", "-mfma")
    ],
}
# Sources that need flags of their own on this processor, and those flags.
ISA_FLAGS = X86_ISA_FLAGS if X86 else {}


def find(*patterns):
    """Paths relative to the root of what matches, sorted."""
    return sorted(str(p.relative_to(ROOT)) for pattern in patterns for p in ROOT.glob(pattern))


def common_sources(*folders):
    """Sources under the folders of delegate/ that are compiled with COMMON_FLAGS alone."""
    found = find(*(f"delegate/{folder}/**/*.cc" for folder in folders))
    return [source for source in found if source not in X86_ISA_FLAGS]


def headers():
    """Every header, for deciding what to compile again."""
    return find("delegate/**/*.h")
