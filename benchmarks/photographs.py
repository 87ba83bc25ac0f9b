"""Photographs to calibrate on: those of GCompris, a collection of educational games.

Debian packs them as gcompris-qt-data (`apt-get download gcompris-qt-data`): animals, tools,
buildings, landscapes and the like, under free licences. In the package they lie in archives of Qt
resources, uncompressed, from which WebP pictures can be cut: their headers say how long they are.
"""

import subprocess
import tempfile
from pathlib import Path

# The games with photographs of whole scenes and things.
GAMES = (
    *("categorization", "erase", "explore_farm_animals", "explore_monuments"),
    *("explore_world_animals", "explore_world_music"),
)
HEADER_BYTES = 12  # "RIFF", the length of what follows, "WEBP"


def unpack(package, folder):
    """Writes the photographs in a .deb file into a folder.

    Raises:
        OSError: `dpkg-deb` is missing, or the file is no Debian package.
        ValueError: There are no photographs in it.
    """
    with tempfile.TemporaryDirectory() as unpacked:
        command = ["dpkg-deb", "--extract", package, unpacked]
        result = subprocess.run(command, capture_output=True, text=True, check=False)
        if result.returncode:
            raise OSError(result.stderr.strip())
        archives = [path for path in Path(unpacked).rglob("*.rcc") if path.stem in GAMES]
        for path in archives:
            for number, picture in enumerate(pictures(path.read_bytes())):
                Path(folder, f"{path.stem}-{number}.webp").write_bytes(picture)
    if not archives:
        raise ValueError(f"Expected Debian's gcompris-qt-data. Received: {package}")


def pictures(content):
    """Yields the WebP pictures within some bytes."""
    end = 0
    while (start := content.find(b"RIFF", end)) >= 0:
        size = int.from_bytes(content[start + 4 : start + 8], "little")
        is_picture = content[start + 8 : start + HEADER_BYTES] == b"WEBP"
        end = start + (8 + size if is_picture else 4)
        if is_picture:
            yield content[start:end]
