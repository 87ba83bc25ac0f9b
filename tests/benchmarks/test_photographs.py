import io
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))
import photographs

pytestmark = pytest.mark.skipif(
    shutil.which("dpkg-deb") is None, reason="needs dpkg-deb, which Debian and Ubuntu have"
)


def webp(shade, side=8):
    file = io.BytesIO()
    Image.fromarray(np.full((side, side, 3), shade, np.uint8)).save(file, "WEBP", lossless=True)
    return file.getvalue()


def package(folder, files):
    """Makes a Debian package of some files, by their names."""
    root = folder / "root"
    (root / "DEBIAN").mkdir(parents=True)
    (root / "DEBIAN" / "control").write_text(
        "Package: gcompris-qt-data\nVersion: 1\nArchitecture: all\n"
        "Maintainer: a test <test@example.com>\nDescription: photographs\n"
    )
    for name, content in files.items():
        (root / name).write_bytes(content)
    made = folder / "package.deb"
    subprocess.run(
        ["dpkg-deb", "--build", "--root-owner-group", root, made], check=True, capture_output=True
    )
    return made


def test_unpacks_the_photographs_of_a_package(tmp_path):
    first, second = webp(10), webp(200, 16)
    deb = package(
        tmp_path,
        {
            "erase.rcc": b"header" + first + b"RIFF, but no picture" + second + b"names",
            "paintings.rcc": webp(3),
        },
    )
    folder = tmp_path / "pictures"
    folder.mkdir()
    photographs.unpack(deb, folder)
    pictures = sorted(folder.iterdir())
    assert [picture.read_bytes() for picture in pictures] == [first, second]
    with Image.open(pictures[1]) as picture:
        assert picture.size == (16, 16)


def test_a_package_of_something_else_is_refused(tmp_path):
    deb = package(tmp_path, {"notes.txt": b"RIFF"})
    with pytest.raises(ValueError, match="gcompris-qt-data"):
        photographs.unpack(deb, tmp_path)


def test_a_file_that_is_no_package_is_refused(tmp_path):
    file = tmp_path / "package.deb"
    file.write_bytes(b"not a package")
    with pytest.raises(OSError, match=r"package\.deb"):
        photographs.unpack(file, tmp_path)
