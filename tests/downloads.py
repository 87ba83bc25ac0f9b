"""Files that tests take from package registries."""

import hashlib
import shutil
import subprocess

import pytest

from tfsparse.files import cache_folder
from tfsparse.zoo import catalogue, downloads


def mediapipe_model(name):
    """The path of one of `networks.PRETRAINED`; skips the test, saying why, if it cannot be had."""
    try:
        return catalogue.cached_file(name, cache_folder())
    except OSError as error:
        pytest.skip(str(error))


def mediapipe_files():
    """The paths of all `.tflite` files of mediapipe's wheel; skips the test as above."""
    wheel = mediapipe_model(catalogue.PRETRAINED[0]).parents[3]
    return sorted(wheel.glob("mediapipe/modules/*/*.tflite"))


def npm_package(requirement, sha512):
    """The folder of an unpacked npm package; skips the test, saying why, if it cannot be had.

    `requirement` names the version, as in "name@1.0"; its archive must have the hash.
    """

    def download(folder):
        command = ["npm", "pack", "--silent", "--pack-destination", folder.parent, requirement]
        packed = subprocess.run(command, capture_output=True, text=True, check=False)
        if packed.returncode:
            pytest.skip(f"{requirement} could not be downloaded: {packed.stderr.strip()}")
        (archive,) = folder.parent.glob("*.tgz")
        assert hashlib.sha512(archive.read_bytes()).hexdigest() == sha512, requirement
        shutil.unpack_archive(archive, folder, "gztar", filter="data")

    if shutil.which("npm") is None:
        pytest.skip("npm is not installed: apt-get install npm")
    return downloads.make_once(cache_folder() / requirement.replace("@", "-"), download)
