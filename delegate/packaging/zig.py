"""The C and C++ cross compiler of the Python package ziglang.

It compiles for Android, and for Linux with any C library, whatever this machine has.

python -m delegate.packaging.zig c++ FLAGS        # for setup.py, which passes GCC's flags
"""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

from delegate import sources

CACHE = sources.ROOT / "build" / "zig"

# GCC's flags -> Zig's flags.
_FLAGS = {
    "-march=armv8.2-a+fp16": ("-mcpu=generic+v8_2a+fullfp16",),
    "-march=armv8.2-a+dotprod": ("-mcpu=generic+v8_2a+dotprod",),
    "-fno-schedule-insns": ("-mllvm", "-enable-misched=false"),
}


def run(*arguments):
    """Runs ziglang, which caches what it compiles.

    Raises:
        OSError: The package is not installed.
        RuntimeError: It failed, with its output.
    """
    command = [str(package() / "zig"), *map(str, arguments)]
    result = subprocess.run(
        command,
        cwd=sources.ROOT,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    if result.returncode:
        raise RuntimeError(f"{' '.join(command)}\n{result.stdout}{result.stderr}")


def environment():
    """The environment variables of a compiler process."""
    caches = dict.fromkeys(("ZIG_GLOBAL_CACHE_DIR", "ZIG_LOCAL_CACHE_DIR"), str(CACHE))
    return caches | os.environ


def translate(flags):
    """Translates GCC's flags to Zig's."""
    return [ours for flag in flags for ours in _FLAGS.get(flag, (flag,))]


def package():
    """The folder of ziglang.

    Raises:
        OSError: It is not installed.
    """
    spec = importlib.util.find_spec("ziglang")
    if spec is None:
        raise OSError("ziglang is not installed: pip install ziglang, or pip install -e .[dev]")
    return Path(spec.origin).parent


if __name__ == "__main__":
    _zig = str(package() / "zig")
    os.execve(_zig, [_zig, *translate(sys.argv[1:])], environment())
