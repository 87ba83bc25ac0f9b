"""Which C++ sources there are and the flags of each: shared by setup.py and the C++ tests."""

import platform
import runpy
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

_shared = runpy.run_path(str(ROOT / "delegate" / "flags.bzl"))  # What Bazel reads too.
COMMON_FLAGS = _shared["COMMON_FLAGS"]
X86_ISA_FLAGS = _shared["X86_ISA_FLAGS"]

X86 = platform.machine().lower() in ("x86_64", "amd64")
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
