"""Builds the native part: one extension module that is also the TFLite delegate's shared object.

Everything else about the package stands in pyproject.toml. The kernels are compiled once for each
instruction set, each with its own flags, and chosen at run time; nothing is tuned to the machine
that builds.
"""

import platform
import sys
from glob import glob

from setuptools import setup
from setuptools.command.build_ext import build_ext

COMMON_FLAGS = ["-std=c++17", "-O3", "-fvisibility=hidden", "-ffp-contract=off", "-Wall", "-Wextra"]
LINK_FLAGS = ["-pthread"]
if sys.platform == "linux":
    # An undefined symbol must fail here and not in a user's dlopen. Python's own symbols come from
    # the interpreter, so this is only checked for the plugin by a test, not asked of the linker.
    LINK_FLAGS += ["-Wl,--exclude-libs,ALL"]

X86 = platform.machine().lower() in ("x86_64", "amd64")
ISA_FLAGS = {
    "delegate/kernels/isa/avx2.cc": ["-mavx2", "-mfma", "-mf16c"],
    "delegate/kernels/isa/avx512.cc": [
        "-mavx512f",
        "-mavx512bw",
        "-mavx512vl",
        "-mavx512dq",
        "-mfma",
    ],
}
COMMON_SOURCES = sorted(
    set(glob("delegate/core/**/*.cc", recursive=True))
    | set(glob("delegate/tflite/*.cc"))
    | set(glob("delegate/python/*.cc"))
    | set(glob("delegate/kernels/**/*.cc", recursive=True)) - set(ISA_FLAGS)
)
HEADERS = sorted(glob("delegate/**/*.h", recursive=True))


class BuildExt(build_ext):
    """Compiles the sources that need flags of their own before the common ones."""

    def build_extension(self, ext):
        if X86:
            for source, flags in ISA_FLAGS.items():
                ext.extra_objects += self.compiler.compile(
                    [source],
                    output_dir=self.build_temp,
                    include_dirs=ext.include_dirs,
                    extra_postargs=COMMON_FLAGS + flags,
                    depends=HEADERS,
                )
        super().build_extension(ext)


def extension():
    from pybind11.setup_helpers import Pybind11Extension

    return Pybind11Extension(
        "tfsparse._native",
        COMMON_SOURCES,
        include_dirs=["."],
        extra_compile_args=COMMON_FLAGS,
        extra_link_args=LINK_FLAGS,
        depends=HEADERS,
        cxx_std=17,
    )


setup(ext_modules=[extension()], cmdclass={"build_ext": BuildExt})
