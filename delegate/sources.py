"""The C++ sources and their flags, for setup.py, CMake and the C++ tests."""

import collections
import platform
import runpy
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

_shared = runpy.run_path(str(ROOT / "delegate" / "flags.bzl"))  # Shared with Bazel.
COMMON_FLAGS, TEST_FLAGS = _shared["COMMON_FLAGS"], _shared["TEST_FLAGS"]
PYTHON_FLAGS = _shared["PYTHON_FLAGS"]
_ARM64, _X86 = _shared["ARM64_ISA_FLAGS"], _shared["X86_ISA_FLAGS"]
_PORTABLE, _WASM = _shared["PORTABLE_ISA_FLAGS"], _shared["WASM_ISA_FLAGS"]
_ISA_FLAGS = {"aarch64": _ARM64, "arm64": _ARM64, "arm64-v8a": _ARM64}
_ISA_FLAGS |= {"amd64": _X86, "x86_64": _X86, "wasm32": _WASM}
# The folders of delegate/ that make the delegate, beside those of its interfaces.
ENGINE = ("core", "kernels", "tflite")


def isa_flags(machine=None):
    """{source: flags} of the sources that are compiled for one instruction set of a processor.

    `machine` is a name as in `platform.machine()`, such as "aarch64" or "armv7l", Android's
    name, or "wasm32". By default it is this machine's.
    """
    return _ISA_FLAGS.get((machine or platform.machine()).lower(), _PORTABLE)


def find(*patterns):
    """Sorted paths of the matching files, relative to the root."""
    return sorted(str(p.relative_to(ROOT)) for pattern in patterns for p in ROOT.glob(pattern))


def common_sources(*folders):
    """Sources under folders of delegate/ that every processor compiles with COMMON_FLAGS."""
    found = find(*_shared["sources_in"](*folders))
    return [source for source in found if source not in _ARM64 | _PORTABLE | _WASM | _X86]


def by_folder(files):
    """{folder: sources} of some sources, by folders such as delegate/core/plan.

    Compiled together they take less time, most of which is spent on headers. Setup.py compiles each
    by itself, and `bazel build` does.
    """
    found = collections.defaultdict(list)
    for source in files:
        found["/".join(Path(source).parent.parts[:3])].append(source)
    return found


def headers():
    """All headers, to decide what to recompile."""
    return find("delegate/**/*.h")


if __name__ == "__main__":  # for CMake: python -m delegate.sources MACHINE FOLDER...
    _machine, *_folders = sys.argv[1:]
    print(*COMMON_FLAGS)
    print(*common_sources(*_folders), sep="\n")
    for _source, _flags in isa_flags(_machine).items():
        print(_source, *_flags)
