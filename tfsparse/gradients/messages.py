"""Codes and scales as bytes with a checksum, and back.

A message is four letters, the base of the digits, a CRC-32, the scales as little-endian float32,
and the digits, compressed by zlib. What can be known without the message, such as the shapes, is
not in it.
"""

import struct
import zlib

import numpy as np

from tfsparse.gradients.digits import pack_digits, packed_size, unpack_digits

_MAGIC = b"tfsg"
_HEADER = struct.Struct("<4sBI")


def write(codes, scales, levels):
    """Returns a message.

    Args:
        codes: Array of int8, (count,), from -levels to levels.
        scales: Array of float32, (buckets,).
        levels: Int from 1 to 127.
    """
    base = 2 * levels + 1
    digits = pack_digits((codes.astype(np.int16) + levels).astype(np.uint8), base)
    body = scales.astype("<f4").tobytes() + _deflate(digits)
    return _HEADER.pack(_MAGIC, base, zlib.crc32(body)) + body


def read(message, count, buckets, levels):
    """Returns the codes and the scales of a message, as `write` takes them.

    Raises:
        TypeError: The message is no bytes.
        ValueError: The message is damaged, or one of other gradients or other levels.
    """
    if not isinstance(message, bytes | bytearray | memoryview):
        raise TypeError(f"Expected the bytes that encode returned. Received: {type(message)}")
    message, base = bytes(message), 2 * levels + 1
    if len(message) < _HEADER.size or message[:4] != _MAGIC:
        raise ValueError(
            f"Expected the bytes that encode returned. Received: {len(message)} bytes that begin "
            f"with {message[:4]!r}"
        )
    _, found, checksum = _HEADER.unpack_from(message)
    body = message[_HEADER.size :]
    if zlib.crc32(body) != checksum:
        raise ValueError("Expected the bytes that encode returned. Received: damaged bytes")
    if found != base:
        raise ValueError(
            f"Expected a message of {base} values for each gradient, as this object encodes. "
            f"Received: one of {found}"
        )
    digits = _inflate(body[4 * buckets :], packed_size(count, base))
    if digits is None:
        raise ValueError(
            f"Expected a message of {count} gradients with {buckets} scales, as `like` has and "
            "this object encodes. Received: a message of others"
        )
    scales = np.frombuffer(body, "<f4", buckets).astype(np.float32)
    codes = unpack_digits(digits, base, count).astype(np.int16) - levels
    return codes.astype(np.int8), scales


def _deflate(data):
    """Returns compressed bytes: by Huffman's codes alone, or by repetitions too, if shorter."""
    found = []
    for strategy in (zlib.Z_HUFFMAN_ONLY, zlib.Z_DEFAULT_STRATEGY):
        deflater = zlib.compressobj(strategy=strategy)
        found.append(deflater.compress(data) + deflater.flush())
    return min(found, key=len)


def _inflate(data, size):
    """Returns decompressed bytes, or None unless they are of a size."""
    inflater = zlib.decompressobj()
    try:
        found = inflater.decompress(data, size + 1)
    except zlib.error:
        return None
    return found if len(found) == size and inflater.eof and not inflater.unused_data else None
