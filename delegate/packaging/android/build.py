"""Builds the Android libraries, one per processor, and the AAR with all of them.

python -m delegate.packaging.android.build        # what `make android` runs
"""

import shutil

from delegate import sources
from delegate.packaging import zig
from delegate.packaging.android import aar, toolchain

NAME = "libtfsparse_delegate.so"
OUTPUT = sources.ROOT / "dist" / "android"
FLAGS = (*sources.COMMON_FLAGS, "-Werror", "-I.")
# The library is a part of every app, so all code but the kernels is optimised for size.
SMALL = (*FLAGS, *toolchain.SMALL)


def library(abi):
    """Path of the delegate for a processor, with the C API and the native methods of Java."""
    jobs = toolchain.cxx_library(abi) | {toolchain.HERE / "bionic.c": ("-O2", "-fno-builtin")}
    found = sources.common_sources(*sources.ENGINE)
    for folder, files in sources.by_folder(found).items():
        source = toolchain.together(abi, folder.replace("/", "-"), files)
        jobs[source] = (*SMALL, *abi.flags)
    for source, flags in abi.kernels.items():
        # Has no effect on the important loops of the kernels, which are unrolled by hand.
        jobs[source] = (*FLAGS, "-Os", *zig.translate(flags), *abi.flags)
    for source in sources.find("delegate/android/*.cc"):
        jobs[source] = (*SMALL, *aar.jni_flags())
    target = abi.folder / NAME
    toolchain.link(abi, toolchain.compile_all(abi, jobs), target, "delegate/exports.map")
    return target


def main():
    """Writes everything to dist/android and prints the files and their sizes."""
    libraries = {abi.name: library(abi) for abi in toolchain.ABIS}
    OUTPUT.mkdir(parents=True, exist_ok=True)
    for name, path in libraries.items():
        (OUTPUT / name).mkdir(exist_ok=True)
        shutil.copy(path, OUTPUT / name)
    shutil.copy(sources.ROOT / "delegate" / "tfsparse_delegate.h", OUTPUT)
    aar.write(OUTPUT / "tfsparse.aar", libraries)
    for path in sorted(path for path in OUTPUT.rglob("*") if path.is_file()):
        print(f"{path.stat().st_size:9,} bytes  {path.relative_to(sources.ROOT)}")


if __name__ == "__main__":
    main()
