"""Builds the native part: one extension module that is also the TFLite delegate's shared object.

Everything else about the package stands in pyproject.toml. The kernels are compiled once for each
instruction set, each with its own flags, and chosen at run time; nothing is tuned to the machine
that builds.
"""

import os
import sys
import sysconfig
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from setuptools import setup
from setuptools.command.build_ext import build_ext
from setuptools.modified import newer_group

sys.path.insert(0, str(Path(__file__).resolve().parent))
from delegate import sources

# Of the processor that is built for, which a cross build names by _PYTHON_HOST_PLATFORM.
MACHINE = sysconfig.get_platform().rpartition("-")[2]
EXPORTS = "delegate/exports.map"
LINK_FLAGS = ["-pthread"]
if sys.platform == "linux":
    # Nothing of the C++ library becomes a symbol of ours. That none is undefined but Python's own,
    # which come from the interpreter, is checked by a test.
    LINK_FLAGS += [f"-Wl,--version-script={EXPORTS}"]


class BuildExt(build_ext):
    """Compiles all sources at once, on all cores, those of the module and those of the engine."""

    def build_extension(self, ext):
        built = self.get_ext_fullpath(ext.name)
        if not self.force and not newer_group(ext.depends, built, "newer"):
            return
        flags = {
            source: [*sources.COMMON_FLAGS, *flags, "-g0"]
            for source, flags in engine_flags().items()
        }
        flags |= dict.fromkeys(ext.sources, ext.extra_compile_args)

        def compile_source(source):
            return self.compiler.compile(
                [source],
                output_dir=self.build_temp,
                include_dirs=ext.include_dirs,
                extra_postargs=flags[source],
                depends=sources.headers(),
            )

        with ThreadPoolExecutor(os.cpu_count()) as pool:
            # The module and the instruction sets, which take longest, first.
            for objects in pool.map(compile_source, reversed(flags)):
                ext.extra_objects += objects
        ext.sources = []  # All that is left is to link.
        super().build_extension(ext)


def engine_flags():
    """The sources of the engine, and the flags that each needs beside the common ones."""
    common = {source: [] for source in sources.common_sources(*sources.ENGINE)}
    return common | sources.isa_flags(MACHINE)


def extension():
    from pybind11.setup_helpers import Pybind11Extension

    module = sources.common_sources("python")
    return Pybind11Extension(
        "tfsparse._native",
        module,
        include_dirs=["."],
        extra_compile_args=sources.COMMON_FLAGS + sources.PYTHON_FLAGS,
        extra_link_args=LINK_FLAGS,
        depends=[*module, *engine_flags(), *sources.headers(), "delegate/flags.bzl", EXPORTS],
        cxx_std=17,
    )


setup(ext_modules=[extension()], cmdclass={"build_ext": BuildExt})
