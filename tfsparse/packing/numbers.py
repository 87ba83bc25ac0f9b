"""Arrays of numbers, coded as gaps between nonzeros and values or codes of a codebook.

`delegate/core/unpacking/numbers.cc` decodes it. From Han et al., "Deep Compression: Compressing
Deep Neural Networks with Pruning, Trained Quantization and Huffman Coding", 2016
(https://arxiv.org/abs/1510.00149), with another entropy coder, and with gaps of any length.
"""

import numpy as np

from tfsparse.packing.symbols import coded_size, encode, varint

_DIFFERENCES, _SPARSE, _CODEBOOK = 1, 2, 4
# Neighbours that are stored together if one of them is not zero.
_BLOCKS = (1, 2, 4, 8, 16)
_LONG_GAP = 255
_LARGEST_CODEBOOK = 256
# Where zeros are at random places, a dense array takes about as many bytes as a sparse one, the
# entropy. Of codings that are so near in size, that with the fewest symbols is decoded fastest.
_NEAR = 1.01


class Coding:
    """One way of coding an array.

    Attributes:
        size: About how many bytes it takes, a float.
        symbols: How many symbols are decoded, an int.

    Args:
        item_size: Int, bytes of a number.
        flags: Int, what of the ways below it uses.
        streams: List of pairs of bytes and an array of uint8, which is entropy-coded behind them.
    """

    def __init__(self, item_size, flags, streams):
        self._front = bytes([item_size, flags])
        self._streams = streams
        self.symbols = sum(len(symbols) for _, symbols in streams)
        self.size = 2 + sum(len(head) + coded_size(symbols) for head, symbols in streams)

    def encode(self):
        """Returns the bytes of the coded array."""
        coded = [head + encode(symbols) for head, symbols in self._streams]
        return self._front + b"".join(coded)


def best_coding(data, item_size, is_index):
    """Returns the smallest `Coding` of an array, or a simpler one of about that size.

    Args:
        data: Array of uint8, the bytes of the numbers, which are little-endian.
        item_size: Int, 1, 2, 4 or 8.
        is_index: Bool, whether neighbours mostly grow, so that differences are smaller.
    """
    items = data.view(f"<u{item_size}")
    codings = list(_codings(items, 0))
    if is_index:
        codings += _codings(np.diff(items, prepend=items.dtype.type(0)), _DIFFERENCES)
    smallest = min(coding.size for coding in codings)
    near = [coding for coding in codings if coding.size <= _NEAR * smallest]
    return min(near, key=lambda coding: coding.symbols)


def _codings(items, flags):
    """Yields the codings of an array, dense and sparse."""
    size = items.itemsize
    for value_flags, streams in _value_streams(items):
        yield Coding(size, flags | value_flags, streams)
    if np.count_nonzero(items) == len(items):
        return
    for block in _BLOCKS:
        if len(items) % block:
            break
        blocks = items.reshape(-1, block)
        kept = blocks.any(axis=1)
        gaps = _gaps(np.flatnonzero(kept))
        head = varint(block) + varint(int(np.count_nonzero(kept))) + varint(len(gaps))
        for value_flags, streams in _value_streams(blocks[kept].reshape(-1)):
            yield Coding(size, flags | value_flags | _SPARSE, [(head, gaps), *streams])


def _value_streams(items):
    """Yields the flags and the streams of values: by their bytes, and by codes of a codebook."""
    planes = np.ascontiguousarray(items).view(np.uint8).reshape(-1, items.itemsize)
    yield 0, [(b"", np.ascontiguousarray(plane)) for plane in planes.T]
    if items.itemsize == 1 or not len(items):
        return
    codebook, codes = np.unique(items, return_inverse=True)
    if len(codebook) <= _LARGEST_CODEBOOK:
        head = varint(len(codebook)) + codebook.tobytes()
        yield _CODEBOOK, [(head, codes.reshape(-1).astype(np.uint8))]


def _gaps(positions):
    """Returns how far each position is behind the one before, with 255 for as many and more."""
    gaps = np.diff(positions, prepend=-1) - 1
    longs, rest = np.divmod(gaps, _LONG_GAP)
    ends = np.cumsum(longs + 1)
    found = np.full(ends[-1] if len(ends) else 0, _LONG_GAP, np.uint8)
    found[ends - 1] = rest
    return found
