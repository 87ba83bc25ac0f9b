"""Chooses the sparse layout of a tensor."""

import math

import numpy as np

from tfsparse.flatbuffer.encoding import encode, index_dtype

# Sizes of blocks along one dimension that are tried, each while the one before made it smaller.
BLOCK_SIZES = (2, 4, 8, 16)


def encode_as(dense, encoding):
    """Encodes weights in a given layout.

    Args:
        dense: Weights with the output channels first and the input channels last, rank 2 or more.
        encoding: `"csr"` for compressed sparse rows over the input channels; `"auto"` for the
            fewest bytes; or a block, `(output channels, input channels)`, to store all blocks with
            a nonzero.

    Returns:
        A `SparseEncoding`. It is in compressed sparse rows if the block does not divide the
        channels, because TFLite's format has whole blocks only.
    """
    if encoding == "csr":
        return encode(dense)
    if encoding == "auto":
        return encode(dense, **_smallest(dense))
    blocks = dict(zip((0, dense.ndim - 1), encoding, strict=True))
    divides = all(dense.shape[dim] % size == 0 for dim, size in blocks.items())
    blocks = {dim: size for dim, size in blocks.items() if size > 1}
    return encode(dense, blocks=blocks if divides else None)


def _smallest(dense):
    """The options of `encode` that give the fewest bytes, among rows, columns and blocks."""
    occupied = dense != 0
    outputs, inputs = 0, dense.ndim - 1
    rows = {}
    columns = {"traversal_order": (*range(1, dense.ndim), outputs)}
    best, options = _nbytes(dense, occupied, rows), rows
    for order in (rows, columns):
        for first, second in ((outputs, inputs), (inputs, outputs)):
            candidate = _with_blocks(dense, occupied, order, first)
            candidate = _with_blocks(dense, occupied, candidate, second)
            nbytes = _nbytes(dense, occupied, candidate)
            if nbytes < best:
                best, options = nbytes, candidate
    return options


def _with_blocks(dense, occupied, options, dim):
    """The options with blocks along one more dimension, as large as makes the encoding smaller."""
    best = _nbytes(dense, occupied, options)
    for size in BLOCK_SIZES:
        if dense.shape[dim] % size:
            break
        candidate = {**options, "blocks": {**options.get("blocks", {}), dim: size}}
        nbytes = _nbytes(dense, occupied, candidate)
        if nbytes >= best:
            break
        best, options = nbytes, candidate
    return options


def _nbytes(dense, occupied, options):
    """The size of an encoding, as `SparseEncoding.nbytes`, without encoding."""
    blocks = options.get("blocks", {})
    for dim, size in blocks.items():
        shape = occupied.shape
        occupied = occupied.reshape(*shape[:dim], -1, size, *shape[dim + 1 :]).any(axis=dim + 1)
    stored = np.count_nonzero(occupied)
    compressed = occupied.shape[options.get("traversal_order", range(dense.ndim))[-1]]
    segments = occupied.size // compressed + 1
    return (
        stored
        * (math.prod(blocks.values()) * dense.itemsize + index_dtype(compressed - 1).itemsize)
        + segments * index_dtype(stored).itemsize
    )
