"""Builds the native part: one extension module that is also the TFLite delegate's shared object.

Everything else about the package stands in pyproject.toml. The kernels are compiled once for each
instruction set, each with its own flags, and chosen at run time; nothing is tuned to the machine
that builds.
"""

import sys
from pathlib import Path

from setuptools import setup
from setuptools.command.build_ext import build_ext

sys.path.insert(0, str(Path(__file__).resolve().parent))
from delegate import sources

LINK_FLAGS = ["-pthread"]
if sys.platform == "linux":
    # Nothing of a static library becomes a symbol of ours. That none is undefined but Python's own,
    # which come from the interpreter, is checked by a test.
    LINK_FLAGS += ["-Wl,--exclude-libs,ALL"]


class BuildExt(build_ext):
    """Compiles the sources that need flags of their own before the common ones."""

    def build_extension(self, ext):
        for source, flags in sources.isa_flags().items():
            ext.extra_objects += self.compiler.compile(
                [source],
                output_dir=self.build_temp,
                include_dirs=ext.include_dirs,
                extra_postargs=sources.COMMON_FLAGS + flags,
                depends=sources.headers(),
            )
        super().build_extension(ext)


def extension():
    from pybind11.setup_helpers import Pybind11Extension

    return Pybind11Extension(
        "tfsparse._native",
        sources.common_sources("core", "kernels", "tflite", "python"),
        include_dirs=["."],
        extra_compile_args=sources.COMMON_FLAGS,
        extra_link_args=LINK_FLAGS,
        depends=sources.headers(),
        cxx_std=17,
    )


setup(ext_modules=[extension()], cmdclass={"build_ext": BuildExt})
