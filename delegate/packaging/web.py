"""Builds the npm package for browsers and Node, with two WebAssembly modules: `make web`.

Zig compiles them with the C++ library that it contains; Emscripten is not needed. One is for every
browser of today, the other uses relaxed SIMD, which is faster where a browser has it.
"""

import gzip
import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from delegate import sources
from delegate.packaging import zig

HERE = sources.ROOT / "delegate" / "web"
OUTPUT = sources.ROOT / "dist" / "web"
PACKAGE = ("package.json", "index.js", "index.d.ts", "README.md")

# A system that is a list of functions, of which index.js has the few that are called.
TARGET = ("-target", "wasm32-wasi")
# A failed allocation ends the module, as in Android's library: see index.js.
FLAGS = (
    *sources.COMMON_FLAGS,
    *("-I.", "-Werror", "-msimd128", "-fno-exceptions", "-fno-threadsafe-statics", "-g0"),
    *("-ffunction-sections", "-fdata-sections", "-mbulk-memory"),
)
SMALL = ("-Os", "-Xclang", "-Oz")  # for code that need not be fast; Zig has no flag of that name
LINK_FLAGS = (
    *("-mexec-model=reactor", "-Wl,--gc-sections", "-Wl,--strip-all"),
    "-Wl,-z,stack-size=1048576",
)
# By name, the flags beside these.
MODULES = {"tfsparse.wasm": (), "tfsparse_relaxed.wasm": ("-mrelaxed-simd",)}


def jobs():
    """{name: (sources, flags)} of the objects of a module; those of a folder are one."""
    found = sources.common_sources("core", "kernels", "tflite/operators", "standalone", "web")
    folders = sources.by_folder([*found, "delegate/tflite/adapter.cc"])
    # Those of one instruction set, which take longest, first.
    kernels = {
        source.replace("/", "-"): ([source], flags)
        for source, flags in sources.isa_flags("wasm32").items()
    }
    return kernels | {
        folder.replace("/", "-"): (together, SMALL) for folder, together in folders.items()
    }


def module(name):
    """Path of the module of that name in `MODULES`."""
    folder = sources.ROOT / "build" / "web" / Path(name).stem
    folder.mkdir(parents=True, exist_ok=True)

    def compile(job):
        target, (files, flags) = folder / f"{job[0]}.o", job[1]
        included = [word for file in files[:-1] for word in ("-include", file)]
        flags = (*FLAGS, *flags, *MODULES[name], *included)
        zig.run("c++", *TARGET, *flags, "-c", files[-1], "-o", target)
        return target

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        objects = list(pool.map(compile, jobs().items()))
    # The folder web/ first, whose functions replace those of the C++ library.
    objects.sort(reverse=True)
    zig.run("c++", *TARGET, *LINK_FLAGS, *objects, "-o", folder / name)
    return folder / name


def build():
    """Writes the package to dist/web and returns its folder."""
    OUTPUT.mkdir(parents=True, exist_ok=True)
    for name in MODULES:
        shutil.copy(module(name), OUTPUT)
    for name in PACKAGE:
        shutil.copy(HERE / name, OUTPUT)
    return OUTPUT


def main():
    """Builds everything and prints the files, with their sizes as stored and as compressed."""
    for path in sorted(build().iterdir()):
        compressed = len(gzip.compress(path.read_bytes(), 9))
        print(f"{path.stat().st_size:9,} bytes, {compressed:9,} compressed  {path.name}")


if __name__ == "__main__":
    main()
