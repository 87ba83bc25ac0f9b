"""Bytes of files that are compressed in different ways."""

import os
import tempfile
from pathlib import Path

import tfsparse

_LEVEL = 19  # the strongest that zstd has without --ultra


def zstd_size(data):
    """Returns the bytes that Zstandard makes of some; None without the package zstandard."""
    try:
        import zstandard
    except ImportError:
        return None
    return len(zstandard.ZstdCompressor(level=_LEVEL).compress(data))


def packed_size(path):
    """Returns the bytes of the archive that `tfsparse.pack` makes of a file."""
    with tempfile.TemporaryDirectory() as folder:
        return os.path.getsize(tfsparse.pack(path, Path(folder) / "archive"))
