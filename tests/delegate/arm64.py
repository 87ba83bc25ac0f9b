"""A Linux for arm64 with Python and LiteRT, run by QEMU's emulation of user programs.

Its files are Debian's arm64 packages and wheels for arm64, kept in the user's cache. It runs the
real LiteRT with XNNPACK's NEON kernels, and the cross-compiled delegate. Its speed says nothing
about a phone.
"""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from tests.delegate import cpp
from tfsparse.files import cache_folder
from tfsparse.zoo import downloads

QEMU = "qemu-aarch64-static"
CXX = "aarch64-linux-gnu-g++"
INFER = Path(__file__).with_name("infer.py")
# Of a phone of 2019; `max` has SVE and SME, which no phone's XNNPACK kernels are measured with.
CPU = "cortex-a76"

PYTHON = "3.11"  # Debian 12's
PACKAGES = (
    *("libc6", "libgcc-s1", "libstdc++6", "libgomp1"),
    *("libbz2-1.0", "libexpat1", "libffi8", "liblzma5", "libssl3", "libuuid1", "musl", "zlib1g"),
    *(f"libpython{PYTHON}-minimal", f"libpython{PYTHON}-stdlib", f"python{PYTHON}-minimal"),
)
WHEELS = ("ai-edge-litert==2.3.0", "numpy==2.2.6")
TAGS = (
    *("--only-binary=:all:", f"--python-version={PYTHON}", "--implementation=cp"),
    *(f"--abi={abi}" for abi in (f"cp{PYTHON.replace('.', '')}", "abi3", "none")),
    *(f"--platform=manylinux{version}_aarch64" for version in ("_2_27", "_2_17", "2014")),
)

# Variables of Python programs whose instructions are counted: a hash seed, no threads of numpy.
REPRODUCIBLE = {"PYTHONHASHSEED": "0", "OPENBLAS_NUM_THREADS": "1"}

# A separate apt state: it uses the machine's sources, but not its packages, and changes neither.
APT = """
Dir::State "{0}/state";
Dir::State::status "{0}/status";
Dir::Cache "{0}/cache";
APT::Architecture "arm64";
APT::Architectures {{ "arm64"; }};
APT::Sandbox::User "root";
Acquire::Languages "none";
"""

# LiteRT's cpuinfo needs this file.
CPUINFO = """\
processor\t: 0
BogoMIPS\t: 243.75
Features\t: fp asimd evtstrm aes pmull sha1 sha2 crc32 atomics fphp asimdhp cpuid asimdrdm lrcpc \
dcpop asimddp
CPU implementer\t: 0x41
CPU architecture: 8
CPU variant\t: 0x4
CPU part\t: 0xd0b
CPU revision\t: 0

"""


def root():
    """The folder of the arm64 Linux, made where it is missing.

    Raises:
        OSError: it cannot be made here, and why.
    """
    needed = ((QEMU, "qemu-user-static"), (CXX, "g++-aarch64-linux-gnu"), ("apt-get", "Debian 12"))
    for program, package in needed:
        if shutil.which(program) is None:
            raise OSError(f"{program} is not installed: it comes with {package}")
    recipe = repr((PACKAGES, WHEELS, TAGS, CPUINFO)).encode()
    name = f"arm64-{hashlib.sha256(recipe).hexdigest()[:8]}"
    return downloads.make_once(cache_folder() / name, _make)


def _make(folder):
    folder.mkdir()
    _unpack_packages(folder.parent / "apt", folder)
    libraries = folder / "usr/local/lib" / f"python{PYTHON}" / "dist-packages"
    pip = (sys.executable, "-m", "pip", "install", "--quiet", "--target", libraries)
    _run_or_explain(*pip, *TAGS, *WHEELS)
    (folder / "proc").mkdir()
    (folder / "proc/cpuinfo").write_text(CPUINFO)
    # Checks that it works, and caches Python's bytecode, so that all processes execute the same.
    _python(folder, "-c", "import ai_edge_litert.interpreter, json, zipfile")


def _unpack_packages(scratch, folder):
    for needed in ("state/lists/partial", "cache/archives/partial", "packages"):
        (scratch / needed).mkdir(parents=True)
    (scratch / "status").touch()
    (scratch / "apt.conf").write_text(APT.format(scratch))
    environment = os.environ | {"APT_CONFIG": str(scratch / "apt.conf")}
    for command in (("update",), ("download", *PACKAGES)):
        _run_or_explain("apt-get", "-qq", *command, cwd=scratch / "packages", env=environment)
    for package in (scratch / "packages").iterdir():
        _run_or_explain("dpkg", "--extract", package, folder)


def _run_or_explain(*command, **options):
    result = subprocess.run(command, capture_output=True, text=True, check=False, **options)
    if result.returncode:
        reason = (result.stderr.strip() or f"{command[0]} failed").splitlines()[-1]
        raise OSError(f"the arm64 packages could not be had: {reason}")


def _python(folder, *arguments, qemu=(QEMU, "-cpu", CPU), environment=()):
    result = subprocess.run(
        [*qemu, "-L", folder, folder / f"usr/bin/python{PYTHON}", *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": os.environ["PATH"], **REPRODUCIBLE, **dict(environment)},
    )
    if result.returncode:
        raise RuntimeError(result.stderr.strip() or f"ended by signal {-result.returncode}")
    return result.stdout + result.stderr


def python(*arguments, qemu=(QEMU, "-cpu", CPU), environment=()):
    """The output of the arm64 Python.

    Args:
        arguments: of `python`, such as a script and its arguments.
        qemu: the emulator with its options.
        environment: variables of the program.

    Raises:
        OSError: the arm64 Linux cannot be had.
        RuntimeError: the program failed, with the end of its output.
    """
    return _python(root(), *arguments, qemu=qemu, environment=environment)


def plugin(build=None):
    """Path of the delegate for arm64, with its symbols.

    Args:
        build: the `CrossBuild`; by default one in which all of it is optimised.
    """
    build = build or cpp.CrossBuild("aarch64", "optimised", core_flags=())
    return build.link(build.engine().values(), "libtfsparse_delegate.so", ["-shared"])


def infer(
    model,
    inputs,
    delegate=None,
    options=None,
    runs=1,
    maps=None,
    counter=None,
    qemu=(QEMU, "-cpu", CPU),
):
    """Runs a model with one thread.

    Args:
        model: path of a .tflite file.
        inputs: arrays by the index of their tensor.
        delegate: path of an external delegate, such as `plugin()`; by default XNNPACK runs.
        options: of the delegate.
        runs: how many inferences to run, all of the same inputs.
        maps: where to write which files the process had in its memory, and where.
        counter: path of a library whose start() and stop() are called before and after the runs,
            which one more inference then precedes.
        qemu: see `python`.

    Returns:
        The outputs, arrays by the index of their tensor, and what LiteRT and the delegate wrote.
    """
    with tempfile.TemporaryDirectory() as folder:
        given, found = Path(folder, "inputs.npz"), Path(folder, "outputs.npz")
        np.savez(given, **{str(index): value for index, value in inputs.items()})
        request = {"model": model, "inputs": given, "outputs": found, "delegate": delegate}
        request |= {"options": options, "runs": runs, "maps": maps, "counter": counter}
        written = python(INFER, json.dumps(request, default=str), qemu=qemu)
        return {int(index): value for index, value in np.load(found).items()}, written
