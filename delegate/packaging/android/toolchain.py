"""Compiles and links for Android with the Python package ziglang, without the NDK.

The package contains clang, musl's headers and libc++'s sources. Libraries use musl's declarations
only. They are linked with stubs of Android's libraries, made from the lists `libc.txt` and
`libm.txt`: calling a function that is not listed is a link error.
"""

import dataclasses
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from delegate import sources
from delegate.packaging import libcxx, zig

HERE = Path(__file__).parent

# A section per function, so that the linker can drop unused ones. No exceptions: older releases of
# Android crash on one in a library with its own C++ library. A failed allocation aborts. Without
# exceptions, no unwind tables are needed.
FLAGS = (
    *("-fPIC", "-ffunction-sections", "-fdata-sections", "-fno-stack-protector", "-g0"),
    *("-fno-exceptions", "-fno-unwind-tables", "-fno-asynchronous-unwind-tables"),
)
# For code that need not be fast. The linker optimises it as a whole. Zig's -Os means -Oz.
SMALL = ("-Os", "-Xclang", "-Oz", "-flto")
# 16 KB pages: Android 15 requires them for 64-bit processors.
LINK_FLAGS = (
    *("-shared", "--gc-sections", "--icf=all", "--strip-all", "--hash-style=gnu"),
    "--build-id=none",
    *("-z", "defs", "-z", "max-page-size=16384", "--no-rosegment"),
    *("-z", "start-stop-visibility=hidden"),
    # For bytes: of strings, and of similar functions.
    *("-O2", "-mllvm", "-enable-merge-functions"),
)

# What the delegate needs of the C++ library beside `libcxx.PARTS`: what threads call, and what ends
# the process.
LIBCXX = (
    *libcxx.PARTS,
    "libcxx/src/condition_variable.cpp",
    "libcxx/src/mutex.cpp",
    "libcxx/src/system_error.cpp",
    "libcxx/src/verbose_abort.cpp",
    "libcxxabi/src/abort_message.cpp",
    "libcxxabi/src/cxa_guard.cpp",
    "libcxxabi/src/cxa_virtual.cpp",
)
# These redefine their class, so each is compiled alone.
LIBCXX_DESTRUCTORS = (
    "libcxx/src/condition_variable_destructor.cpp",
    "libcxx/src/mutex_destructor.cpp",
)


@dataclasses.dataclass(frozen=True)
class Abi:
    """A processor that libraries are built for.

    Attributes:
        name: Android's name of it.
        machine: clang's name of it.
        kernels: {source: flags} of the kernels to include.
        flags: Flags that select these kernels, for every source of the delegate.
    """

    name: str
    machine: str
    kernels: dict
    flags: tuple[str, ...]

    @property
    def folder(self):
        """The folder of its objects and libraries."""
        folder = sources.ROOT / "build" / "android" / self.name
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    @property
    def target(self):
        """The compiler's flags for it."""
        return ("-target", f"{self.machine}-linux-musl")


# x86_64 is for emulators. Selecting its other kernels would need a part of the compiler's runtime
# library that ziglang lacks.
ABIS = (
    Abi("arm64-v8a", "aarch64", sources.isa_flags("arm64-v8a"), ()),
    Abi("x86_64", "x86_64", sources.isa_flags("others"), ("-DTFSPARSE_PORTABLE", "-Os")),
)


def _name(source):
    """The path of a source as a file name: several folders have a neon.cc."""
    path = Path(source)
    return "-".join((path.relative_to(sources.ROOT) if path.is_absolute() else path).parts)


def compile(abi, source, *flags):
    """Path of the object of a C or C++ source."""
    language = "cc" if Path(source).suffix == ".c" else "c++"
    target = abi.folder / f"{_name(source)}.o"
    zig.run(language, *abi.target, *FLAGS, *flags, "-c", source, "-o", target)
    return target


def compile_all(abi, jobs):
    """Paths of the objects of {source: flags}."""
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return list(pool.map(lambda job: compile(abi, job[0], *job[1]), jobs.items()))


def together(abi, name, files):
    """Path of a source that includes `files`, so that their headers are read only once."""
    target = abi.folder / f"{name}.cc"
    target.write_text("".join(f'#include "{file}"\n' for file in files))
    return target


def cxx_library(abi):
    """{source: flags} of the C++ library."""
    flags = (*libcxx.flags(), *SMALL)
    return {together(abi, "libcxx", LIBCXX): flags} | {
        together(abi, Path(source).stem, [source]): flags for source in LIBCXX_DESTRUCTORS
    }


def stand_in(abi, name):
    """Path of a stub library with the names listed in `name`.txt."""
    source, target = abi.folder / f"{name}.s", abi.folder / f"{name}.so"
    names = symbols(name)
    source.write_text("".join(f".globl {n}\n.type {n}, %function\n{n}:\n" for n in names))
    stub = abi.folder / f"{name}.o"
    zig.run("cc", *abi.target, "-c", source, "-o", stub)
    zig.run("ld.lld", "-shared", "-soname", target.name, stub, "-o", target)
    return target


def symbols(name):
    """The names listed in `name`.txt, sorted."""
    lines = (HERE / f"{name}.txt").read_text().splitlines()
    return sorted(line.split("#")[0].strip() for line in lines if line.split("#")[0].strip())


def link(abi, objects, target, exports):
    """Links a library with the exports of the version script `exports`."""
    libraries = [stand_in(abi, name) for name in ("libc", "libm")]
    about = ("-soname", target.name, f"--version-script={exports}", "-o", target)
    zig.run("ld.lld", *LINK_FLAGS, *about, *objects, *libraries)
