"""Atomic writes of files, and the user's cache folder."""

import contextlib
import os
import secrets
import tempfile
from pathlib import Path


def check_writable(path):
    """Checks that a file can be written at `path`, without leaving a trace.

    Returns:
        `path` as a string.

    Raises:
        OSError: If it cannot, saying why. What exists at `path` must be a regular file.
        TypeError: If `path` is no path.
    """
    path = os.fsdecode(path)
    folder, name = os.path.split(os.path.realpath(path))
    if not path or path.endswith(os.sep) or os.path.isdir(path):
        raise IsADirectoryError(f"Expected the path of a file to write. Received: {path!r}")
    if not os.path.isdir(folder):
        raise FileNotFoundError(
            f"Cannot write {path!r}: there is no directory {folder!r}. Create it first."
        )
    if os.path.lexists(os.path.join(folder, name)) and not os.path.isfile(path):
        raise OSError(f"Cannot write {path!r}: it exists and is not a regular file.")
    try:
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as e:
        raise type(e)(e.errno, f"Cannot write {path!r}: {e.strerror}", folder) from e
    return path


def write_atomically(path, *pieces):
    """Writes bytes-like pieces to a temporary file beside `path`, and moves that to `path`.

    A symbolic link stays one: the file that it points to is replaced.
    """
    target = os.path.realpath(path)
    temporary = os.path.join(os.path.dirname(target), f".tfsparse-{secrets.token_hex(8)}.tmp")
    try:
        with open(temporary, "xb") as file:
            file.writelines(pieces)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, target)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.remove(temporary)
        raise


def cache_folder():
    """Returns where downloads and made networks are kept: the user's cache, by the XDG rules."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "tfsparse"
