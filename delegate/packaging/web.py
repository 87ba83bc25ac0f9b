"""Builds the npm package for browsers and Node, with four WebAssembly modules: `make web`.

Zig compiles them with parts of the C++ library that it contains; Emscripten is not needed. Two are
for every browser of today, the others use relaxed SIMD, which is faster where a browser has it. One
of each is for memory that threads share.
"""

import gzip
import itertools
import os
import shutil
from concurrent.futures import ThreadPoolExecutor

from delegate import sources
from delegate.packaging import libcxx, zig

HERE = sources.ROOT / "delegate" / "web"
OUTPUT = sources.ROOT / "dist" / "web"
PACKAGE = (
    *("package.json", "README.md", "index.d.ts"),
    *("index.js", "system.js", "threads.js", "worker.js", "worker_node.js"),
)

# A system that is a list of functions, of which system.js has the few that are called.
# lime1 is what Zig compiles for by default. Shared memory needs the other two.
TARGET = ("-target", "wasm32-wasi", "-mcpu=lime1+atomics+bulk_memory")
# A failed allocation ends the module, as in Android's library: see index.js.
FLAGS = (
    *sources.COMMON_FLAGS,
    *("-I.", "-Werror", "-msimd128", "-fno-exceptions", "-fno-threadsafe-statics", "-g0"),
    *("-ffunction-sections", "-fdata-sections"),
)
SMALL = ("-Os", "-Xclang", "-Oz")  # for code that need not be fast; Zig has no flag of that name
LINK_FLAGS = (
    *("-mexec-model=reactor", "-Wl,--gc-sections", "-Wl,--strip-all"),
    "-Wl,-z,stack-size=1048576",
)
# Zig compiles the C library for one thread. Only the caller's uses those parts that have a state:
# workers neither allocate nor free, which tests/delegate/standalone checks. threads.js has the
# sizes.
SHARED_MEMORY = (
    *("-Wl,--shared-memory", "-Wl,--import-memory"),
    *(f"-Wl,--initial-memory={4 << 20}", f"-Wl,--max-memory={2 << 30}"),
    "-Wl,--export=__stack_pointer",
)
# Of the modules' names, with further flags of the kernels and of the linker.
INSTRUCTIONS = {"tfsparse": (), "tfsparse_relaxed": ("-mrelaxed-simd",)}
MEMORIES = {"": (), "_threads": SHARED_MEMORY}
MODULES = tuple(f"{name}{memory}.wasm" for name in INSTRUCTIONS for memory in MEMORIES)


def objects():
    """{name in INSTRUCTIONS: paths of its objects}; most are of all of them."""
    folder = sources.ROOT / "build" / "web"
    folder.mkdir(parents=True, exist_ok=True)
    found = sources.common_sources("core", "kernels", "tflite/operators", "standalone", "web")
    folders = sources.by_folder([*found, "delegate/tflite/adapter.cc"])
    kernels = {name: _kernels(folder, name) for name in INSTRUCTIONS}
    common = [(folder / f"{name}.o", files, SMALL) for name, files in folders.items()]
    library = [zig.package() / "lib" / part for part in libcxx.PARTS]
    common.append((folder / "libcxx.o", library, (*SMALL, *libcxx.flags())))
    # Those of one instruction set take longest: first.
    jobs = [*itertools.chain(*kernels.values()), *common]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(_compile, jobs))
    return {name: [job[0] for job in [*each, *common]] for name, each in kernels.items()}


def _kernels(folder, name):
    isa_flags = sources.isa_flags("wasm32").items()
    return [
        (folder / f"{source}.{name}.o", [source], (*flags, *INSTRUCTIONS[name]))
        for source, flags in isa_flags
    ]


def _compile(job):
    target, files, flags = job
    target.parent.mkdir(parents=True, exist_ok=True)
    included = [word for file in files[:-1] for word in ("-include", file)]
    zig.run("c++", *TARGET, *FLAGS, *flags, *included, "-c", files[-1], "-o", target)


def build():
    """Writes the package to dist/web and returns its folder."""
    OUTPUT.mkdir(parents=True, exist_ok=True)
    for name, parts in objects().items():
        for memory, flags in MEMORIES.items():
            module = OUTPUT / f"{name}{memory}.wasm"
            zig.run("cc", *TARGET, *LINK_FLAGS, *flags, *parts, "-o", module)
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
