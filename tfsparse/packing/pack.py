"""`tfsparse.pack` and `tfsparse.unpack`: a TFLite file as a smaller archive, and back."""

import os
import struct
import zlib
from pathlib import Path

import numpy as np

from tfsparse import flatbuffer
from tfsparse.annotations import PathLike
from tfsparse.files import check_writable, write_atomically
from tfsparse.packing.numbers import best_coding
from tfsparse.packing.symbols import varint

_MAGIC = b"TFSPACK1"
_STORED, _DEFLATED = 0, 1
_RAW_DEFLATE = -15  # zlib's number for no header and no checksum


def pack(source: PathLike, destination: PathLike) -> str:
    """Writes an archive of a TFLite file that is as small as its zeros and values allow.

    It is for storage and transport: no interpreter runs it. `unpack` makes the same file again,
    byte for byte, as do the C function `TfSparseUnpack` and the Java class
    `com.tfsparse.PackedModel`, once, when an app is installed.

    Constants are stored as gaps between nonzeros and their values. Where few values repeat, as
    `WeightSharing` makes them, these are codes of a codebook. All are entropy-coded. Other parts of
    the file are compressed by DEFLATE. The file may be dense or sparse.

    Args:
        source: PathLike of a `.tflite` file.
        destination: PathLike of the archive; it may be `source`. It is written completely or not at
            all.

    Returns:
        `destination`, as a string.

    Raises:
        OSError: If a file cannot be read or written.
        ValueError: If `source` is no TFLite file.

    Example:

    >>> tfsparse.pack("model.tflite", "model.tflite.pack")
    'model.tflite.pack'
    """
    destination = check_writable(destination)
    data = Path(source).read_bytes()
    write_atomically(destination, archive_of(data, flatbuffer.parse(data, os.fspath(source))))
    return destination


def unpack(source: PathLike, destination: PathLike) -> str:
    """Writes the TFLite file that an archive of `pack` holds.

    Args:
        source: PathLike of the archive.
        destination: PathLike of the `.tflite` file; it may be `source`. It is written completely or
            not at all.

    Returns:
        `destination`, as a string.

    Raises:
        OSError: If a file cannot be read or written.
        ValueError: If `source` is no archive, or is damaged.

    Example:

    >>> tfsparse.unpack("model.tflite.pack", "model.tflite")
    'model.tflite'
    """
    destination = check_writable(destination)
    write_atomically(destination, _file_of(Path(source).read_bytes(), os.fspath(source)))
    return destination


def archive_of(data, model):
    """Returns the bytes of the archive of a file, given as its bytes and as a `ModelT`."""
    content = np.frombuffer(data, np.uint8)
    rest, spans, arrays = [], [], []
    end = 0
    for span in flatbuffer.array_spans(content, model):
        array = content[span.start : span.start + span.size]
        coding = best_coding(array, span.item_size, span.is_index)
        # Small arrays take fewer bytes among the rest than with tables of their own.
        if coding.size < len(_deflate(array)):
            before = content[end : span.start]
            spans.append(varint(len(before)) + varint(len(array)))
            rest.append(before)
            arrays.append(coding.encode())
            end = span.start + span.size
    rest = np.concatenate([*rest, content[end:]])
    packed = min((_DEFLATED, _deflate(rest)), (_STORED, rest.tobytes()), key=lambda x: len(x[1]))
    head = _MAGIC + struct.pack("<QI", len(data), zlib.crc32(data)) + varint(len(spans))
    kind = bytes(packed[:1])
    archive = b"".join([head, *spans, kind, varint(len(packed[1])), packed[1], *arrays])
    archive += struct.pack("<I", zlib.crc32(archive))
    if _file_of(archive, "its own archive") != data:
        raise RuntimeError("The archive does not give the file again, so it was not written.")
    return archive


def _file_of(archive, name):
    """Returns the bytes of the file in an archive; `name` is what errors call it."""
    from tfsparse import _native

    try:
        return _native.unpack(archive)
    except ValueError as e:
        raise ValueError(f"Cannot unpack {name}: {e}") from e


def _deflate(data):
    compressor = zlib.compressobj(9, wbits=_RAW_DEFLATE)
    return compressor.compress(data) + compressor.flush()
