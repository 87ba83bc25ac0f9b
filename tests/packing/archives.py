"""Archives of one array, to test its coding alone."""

import struct
import zlib

import numpy as np

from tfsparse import _native
from tfsparse.packing.numbers import Coding, best_coding
from tfsparse.packing.symbols import varint


def archive_of(coding, data):
    """The bytes of an archive of some bytes that a `Coding` has coded."""
    head = b"TFSPACK1" + struct.pack("<QI", len(data), zlib.crc32(data))
    spans = varint(1) + varint(0) + varint(len(data))
    archive = head + spans + bytes([0]) + varint(0) + coding.encode()
    return archive + struct.pack("<I", zlib.crc32(archive))


def unpack_bytes(stream):
    """What the decoder makes of a stream of coded symbols."""
    return _native.unpack(archive_of(Coding(1, 0, [(b"", stream)]), stream.tobytes()))


def unpack_array(array, is_index=False):
    """The array that the decoder makes of the best coding of one, and that coding."""
    data = np.ascontiguousarray(array).view(np.uint8).reshape(-1)
    coding = best_coding(data, array.itemsize, is_index)
    unpacked = _native.unpack(archive_of(coding, data.tobytes()))
    return np.frombuffer(unpacked, array.dtype).reshape(array.shape), coding
