"""Compiles C++ programs with the delegate's engine, for tests, sanitizers and fuzzers.

Programs for another processor run in an emulator.

Objects are kept under build/ and compiled again when a source, a header or a flag changes.
"""

import contextlib
import fcntl
import hashlib
import os
import platform
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))
from delegate import sources  # noqa: E402

CXX = os.environ.get("CXX", "g++")
# What a library of the engine and a test share, such as the address that stands for a type.
VISIBLE = ("-fvisibility=default",)
# Sources of GoogleTest, of Debian: each compiler and sanitizer needs a library of its own.
GOOGLETEST = Path("/usr/src/googletest/googletest")
NO_GOOGLETEST = None if GOOGLETEST.exists() else "no GoogleTest: apt-get install googletest"


def run(*command, env=None):
    """The output of a command, which has to succeed."""
    environment = os.environ | (env or {})
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env=environment)
    assert result.returncode == 0, f"{' '.join(command)}\n{result.stdout}{result.stderr}"
    return result.stdout


class Build:
    """One way of compiling everything: `flags` follow the usual ones.

    `machine` is the processor compiled for, as `platform.machine()` names it. `kernel_flags` are
    further flags of kernels and of tests of them, `core_flags` of all else: not optimised, that
    compiles in half the time and runs soon enough. `make wheel` and `pip install` compile it as it
    is meant.
    """

    def __init__(self, name, cxx=CXX, flags=(), machine=None, kernel_flags=(), core_flags=("-O0",)):
        self.folder = ROOT / "build" / name
        self.cxx, self.flags = cxx, flags
        self.kernel_flags, self.core_flags = kernel_flags, core_flags
        self.machine = machine or platform.machine()
        self.folder.mkdir(parents=True, exist_ok=True)

    def compile(self, source, flags=(), parts=()):
        """Path of the object of a source, named by what it was made from.

        With `parts`, of these sources in one, and `source` is their common name.
        """
        parts = parts or [source]
        usual, headers = sources.COMMON_FLAGS, sources.headers()
        if source.startswith("tests/"):
            usual = [*sources.TEST_FLAGS, "-isystem", f"{GOOGLETEST}/include"]
            headers += sources.find("tests/delegate/**/*.h")
        elif source.startswith(str(GOOGLETEST)):
            usual, headers = [*sources.TEST_FLAGS, f"-I{GOOGLETEST}", f"-I{GOOGLETEST}/include"], []
        usual = [*usual, "-fPIC", "-Werror", "-pthread"]
        computes = source in sources.isa_flags(self.machine) or "tests/delegate/kernels/" in source
        flags = [*flags, *self.flags, *(self.kernel_flags if computes else self.core_flags)]
        command = [self.cxx, *usual, *flags, "-I."]
        if source.endswith("_test.cc"):
            command += ["-include", self._precompiled(command)]
        command += [word for part in parts[:-1] for word in ("-include", part)]
        digest = hashlib.sha256(repr(command).encode())
        for file in [*parts, *headers]:
            digest.update((ROOT / file).read_bytes())
        name = source.replace("/", "-")
        target = self.folder / f"{name}.{digest.hexdigest()[:16]}.o"
        with self._alone(name):
            if not target.exists():
                for stale in self.folder.glob(f"{name}.*.o"):
                    stale.unlink()
                self._make(target, *command, "-c", parts[-1])
        return str(target)

    @contextlib.contextmanager
    def _alone(self, name):
        # Who comes second, in another process of the same test run, waits and finds it made.
        with open(self.folder / f"{name}.lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _precompiled(self, command):
        """Path of the header of GoogleTest for a command, beside which is what it compiles to.

        It takes most of the time in which a small test compiles. Compilers ignore one of others.
        """
        digest = hashlib.sha256(repr(command).encode()).hexdigest()[:16]
        header = self.folder / f"gtest.{digest}.h"
        compiled = header.with_name(f"{header.name}.gch")
        with self._alone(header.name):
            if not compiled.exists():
                header.write_text('#include "gtest/gtest.h"\n')
                self._make(compiled, *command, "-x", "c++-header", str(header))
        return str(header)

    def engine(self, folders=sources.ENGINE, flags=()):
        """The objects of the engine, without the Python module.

        By source, for those of one instruction set, and for the others, which take `flags`, by
        folder.
        """
        isa = sources.isa_flags(self.machine) if "kernels" in folders else {}
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            objects = {source: pool.submit(self.compile, source, isa[source]) for source in isa}
            for name, together in sources.by_folder(sources.common_sources(*folders)).items():
                objects[name] = pool.submit(self.compile, name, flags, together)
        return {name: made.result() for name, made in objects.items()}

    def link(self, objects, name, flags=()):
        """Path of a program, or of a library with the flag -shared."""
        target = self.folder / name
        self._make(target, self.cxx, *self.flags, *flags, *objects, "-pthread")
        return str(target)

    def _make(self, target, *command):
        # Whole or not at all: another process may be running what is there.
        partial = target.with_name(f"{target.name}.{os.getpid()}")
        run(*command, "-o", str(partial))
        partial.rename(target)

    def test_program(self, source, folders=sources.ENGINE):
        """Path of the program of a GoogleTest source, linked with these folders of the engine."""
        library = self._test_library(folders)
        path = ["-L", str(library.parent), f"-Wl,-rpath,{library.parent}", f"-l:{library.name}"]
        return self.link([self.compile(source, VISIBLE), *path], Path(source).stem)

    def _test_library(self, folders):
        """Path of a library of GoogleTest and these folders, of which tests see all functions.

        With sanitizers it has 50 MB, which each program would hold, and be linked from, again.
        """
        objects = [*self.engine(folders, VISIBLE).values()]
        name = "-".join(folders)
        for part in ("gtest-all.cc", "gtest_main.cc"):
            objects.append(self.compile(f"{GOOGLETEST}/src/{part}", VISIBLE))
        digest = hashlib.sha256(repr(objects).encode()).hexdigest()[:16]
        library = self.folder / f"{name}.{digest}.so"
        with self._alone(name):
            if not library.exists():
                for stale in self.folder.glob(f"{name}.*.so"):
                    stale.unlink()
                # Its functions call its own: those of a test may lack a sanitizer's checks.
                self.link(objects, library.name, ["-shared", "-Wl,-Bsymbolic-functions"])
        return library


# By machine: the triplet of Debian's cross compiler, its package, and QEMU's name.
PROCESSORS = {
    "aarch64": ("aarch64-linux-gnu", "g++-aarch64-linux-gnu", "aarch64"),
    "armv7l": ("arm-linux-gnueabihf", "g++-arm-linux-gnueabihf", "arm"),
    "x86_64": ("x86_64-linux-gnu", "g++-x86-64-linux-gnu", "x86_64"),
}


class CrossBuild(Build):
    """A build for another processor, whose programs QEMU runs and benchmarks count."""

    def __init__(self, machine, name="cpp-tests", flags=(), **optimised):
        self.triplet, _, self.emulated = PROCESSORS[machine]
        super().__init__(f"{name}-{machine}", f"{self.triplet}-g++", flags, machine, **optimised)

    @staticmethod
    def missing(machine):
        """The Debian packages that have to be installed first."""
        triplet, compiler, emulated = PROCESSORS[machine]
        packages = {f"{triplet}-g++": compiler, f"qemu-{emulated}-static": "qemu-user-static"}
        return [package for command, package in packages.items() if not shutil.which(command)]

    def run(self, program, cpu):
        """What a program writes on an emulated CPU, one of those that `-cpu help` lists."""
        root = f"/usr/{self.triplet}"
        return run(f"qemu-{self.emulated}-static", "-L", root, "-cpu", cpu, program)
