"""Runs Android's build of TFLite on this machine, in a program that musl loads.

musl has all functions of Android's C library that TFLite uses, except for a dozen in `liblog.c`. So
TFLite and the delegate are the binaries for Android, but there is no Android and no phone.
"""

import subprocess
from pathlib import Path

import numpy as np

from delegate.packaging import zig
from delegate.packaging.android import toolchain
from tests.delegate import arm64
from tests.downloads import npm_package

HERE = Path(__file__).parent
TFLITE = "react-native-fast-tflite@1.4.0"
SHA512 = (
    "4f60daf951d12b953c23415f3404aff752db900c08468f099520593b8974030f"
    "6c9bdd529b61650aab619883b1be0ea674c912a7286d0c426748e8547aafcca9"
)


def _package():
    return npm_package(TFLITE, SHA512) / "package/android/src/main/cpp/lib/tensorflow"


def headers():
    """The folder with TFLite's C headers."""
    return _package() / "headers"


def start(abi):
    """Path of the object by which musl starts a program."""
    musl = zig.package() / "lib/libc/musl"
    folders = (f"arch/{abi.machine}", "arch/generic", "src/include", "src/internal")
    include = (f"-I{musl / folder}" for folder in folders)
    return toolchain.compile(abi, musl / "crt/Scrt1.c", "-O1", *include)


class Host:
    """A program that runs models in Android's TFLite with a delegate, for one processor."""

    def __init__(self, abi, loader, delegate):
        self.abi, self.loader = abi, loader
        self.runtime = _package() / "jni" / abi.name / "libtensorflowlite_jni.so"
        self.delegate = delegate
        flags = ("-O1", "-std=c11", "-I.", f"-I{headers()}", f"-I{HERE / 'include'}")
        host, log = (toolchain.compile(abi, HERE / name, *flags) for name in ("host.c", "liblog.c"))
        self.log, self.program = abi.folder / "liblog.so", abi.folder / "host"
        zig.run("ld.lld", "-shared", "-soname", self.log.name, log, "-o", self.log)
        zig.run(
            *("ld.lld", "-pie", "--allow-shlib-undefined", start(abi), host),
            *(self.log, self.delegate, self.runtime, loader, "-o", self.program),
        )

    def infer(self, model, image, folder, threads=1, isa="", delegate="fp32", cpu=arm64.CPU):
        """The output of a model and the profile that the delegate printed.

        `delegate` is "fp32", "fp16", "tuned:" and the path of a tuning cache, or "xnnpack", the
        default in Java. QEMU emulates `cpu` if the processor is not this machine's.
        """
        given, found = folder / "input", folder / "output"
        image.tofile(given)
        libraries = ":".join(str(path.parent) for path in (self.log, self.runtime))
        command = [arm64.QEMU, "-cpu", cpu] if self.abi.machine == "aarch64" else []
        command += [self.loader, "--library-path", libraries, self.program]
        command += [model, given, found, threads, isa, delegate]
        result = subprocess.run(
            list(map(str, command)), capture_output=True, text=True, check=False, timeout=120
        )
        assert result.returncode == 0, result.stderr
        assert result.stdout == "2.14.0\n"
        return np.fromfile(found, np.float32), result.stderr
