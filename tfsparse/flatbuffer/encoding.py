"""Encodes dense tensors in TFLite's sparse encoding, and decodes them.

The encoding is a tree that is traversed level by level. A level is one dimension of the tensor, in
`traversal_order`; dimensions split into blocks have their block as one more level at the end. A
dense level lists all its children, a compressed (CSR) level only those with a nonzero. The
format is TACO's (Kjolstad et al., "The Tensor Algebra Compiler", OOPSLA 2017), as in
`SparsityParameters` of the TFLite schema.
"""

import dataclasses
import math

import numpy as np

# Elements of which the indices are found at a time.
CHUNK = 1 << 20


@dataclasses.dataclass(frozen=True)
class DenseLevel:
    """A dimension of which every position is stored."""

    size: int


@dataclasses.dataclass(frozen=True, eq=False)
class CsrLevel:
    """A dimension of which only the positions that hold a nonzero are stored.

    Row `i` of the level has its positions in `indices[segments[i]:segments[i + 1]]`.
    """

    segments: np.ndarray
    indices: np.ndarray


@dataclasses.dataclass(frozen=True, eq=False)
class SparseEncoding:
    """A tensor in TFLite's sparse encoding.

    Attributes:
        shape: Shape of the dense tensor.
        traversal_order: The dimensions in the order of `levels`; `len(shape) + k` stands for the
            block of dimension `block_map[k]`.
        block_map: The dimensions that are split into blocks.
        levels: A `DenseLevel` or a `CsrLevel` for each entry of `traversal_order`.
        values: The stored values, 1-D, in the order of the traversal.
    """

    shape: tuple
    traversal_order: tuple
    block_map: tuple
    levels: tuple
    values: np.ndarray

    @property
    def nbytes(self):
        """Bytes of the values, segments and indices in a file."""
        csr = [level for level in self.levels if isinstance(level, CsrLevel)]
        arrays = [array for level in csr for array in (level.segments, level.indices)]
        return self.values.nbytes + sum(
            array.size * index_dtype(array.max(initial=0)).itemsize for array in arrays
        )


def index_dtype(largest):
    """The narrowest of the three types in which TFLite stores segments and indices up to one."""
    return np.dtype(np.uint8 if largest < 2**8 else np.uint16 if largest < 2**16 else np.int32)


def encode(dense, *, traversal_order=None, compressed=None, blocks=None):
    """Encodes a dense array.

    Without options this is compressed sparse rows over the last dimension: for weights laid out
    OHWI or OI, the input channels.

    Args:
        dense: Array of rank 1 or more without empty dimensions, of any numeric dtype. -0.0 counts
            as zero, and is decoded as 0.0; NaN does not.
        traversal_order: A permutation of the dimensions. Defaults to `(0, 1, ..., rank - 1)`.
        compressed: The dimensions that are stored compressed. Defaults to the last one traversed.
        blocks: Mapping from a dimension to the size of its blocks, which must divide it. A block
            that holds a nonzero is stored whole. Defaults to no blocks.

    Returns:
        A `SparseEncoding`. It has at least one value, a zero in an all-zero tensor, since TFLite
        takes an empty buffer for a missing one.

    Raises:
        ValueError: If the options do not fit the array.

    Example:

    >>> encoding = encode(np.array([[0, 5, 0], [7, 0, 8]]))
    >>> encoding.levels[1].segments, encoding.levels[1].indices, encoding.values
    (array([0, 1, 3]), array([1, 0, 2]), array([5, 7, 8]))
    """
    dense = np.asarray(dense)
    rank = dense.ndim
    order = tuple(range(rank)) if traversal_order is None else tuple(traversal_order)
    compressed = set(order[-1:] if compressed is None else compressed)
    blocks = dict(sorted((blocks or {}).items()))
    if not dense.size or not rank:
        raise ValueError(
            f"Expected an array of rank 1 or more with elements. Received {dense.shape}"
        )
    if sorted(order) != list(range(rank)) or not compressed <= set(order):
        raise ValueError(
            f"Expected a permutation of the {rank} dimensions, and compressed dimensions among "
            f"them. Received: traversal_order={order}, compressed={sorted(compressed)}"
        )
    for dim, size in blocks.items():
        if dim not in order or size < 1 or dense.shape[dim] % size:
            raise ValueError(
                f"Expected blocks that divide {dense.shape}. Received: blocks={blocks}"
            )
    block_map = tuple(blocks)
    traversal = order + tuple(range(rank, rank + len(blocks)))
    sizes, axes = _expanded(dense.shape, traversal, block_map, tuple(blocks.values()))
    values = dense.reshape(sizes).transpose(axes)
    occupied = values != 0
    if not occupied.any():
        occupied.flat[0] = True

    levels = []
    nodes = 1
    for dim, size in zip(traversal, values.shape, strict=True):
        values = values.reshape(nodes, size, -1)
        occupied = occupied.reshape(values.shape)
        if dim in compressed:
            kept = occupied.any(axis=2)
            levels.append(_compressed(kept))
            values, occupied = values[kept], occupied[kept]
            nodes = len(values)
        else:
            levels.append(DenseLevel(size))
            nodes *= size
    return SparseEncoding(dense.shape, traversal, block_map, tuple(levels), values.reshape(-1))


def _compressed(kept):
    """The `CsrLevel` of an array (rows, positions) that is true where a position is kept."""
    counts = np.count_nonzero(kept, axis=1)
    segments = np.concatenate([[0], np.cumsum(counts)])
    # numpy gives indices of 8 bytes: they are narrowed a part at a time, to need less memory.
    indices = np.empty(segments[-1], index_dtype(kept.shape[1] - 1))
    rows = max(1, CHUNK // kept.shape[1])
    for row in range(0, len(kept), rows):
        part = kept[row : row + rows]
        indices[segments[row] : segments[row + len(part)]] = np.nonzero(part)[1]
    return CsrLevel(segments, indices)


def decode(encoding):
    """The dense array of an encoding.

    Raises:
        ValueError: If the parts of the encoding are inconsistent.
    """
    sizes, axes, level_sizes = _checked_sizes(encoding)
    values = np.asarray(encoding.values)
    for level, size in zip(reversed(encoding.levels), reversed(level_sizes), strict=True):
        if isinstance(level, DenseLevel):
            values = values.reshape(-1, size * math.prod(values.shape[1:]))
            continue
        values = values.reshape(len(level.indices), -1)
        rows = np.repeat(np.arange(len(level.segments) - 1), np.diff(level.segments))
        dense = np.zeros((len(level.segments) - 1, size, values.shape[1]), values.dtype)
        dense[rows, level.indices] = values
        values = dense.reshape(len(dense), -1)
    blocked = values.reshape([sizes[axis] for axis in axes])
    return blocked.transpose(np.argsort(axes)).reshape(encoding.shape)


def _expanded(shape, traversal, block_map, block_sizes):
    """The shape with every block an axis of its own, and the permutation into traversal order."""
    block_of = dict(zip(block_map, block_sizes, strict=True))
    sizes, axis_of = [], {}
    for dim, size in enumerate(shape):
        axis_of[dim] = len(sizes)
        sizes.append(size // block_of.get(dim, 1))
        if dim in block_of:
            axis_of[len(shape) + block_map.index(dim)] = len(sizes)
            sizes.append(block_of[dim])
    return sizes, [axis_of[entry] for entry in traversal]


def _checked_sizes(encoding):
    """Sizes of the expanded shape, its permutation, and the size of each level, all consistent."""
    shape, traversal, block_map = encoding.shape, encoding.traversal_order, encoding.block_map
    rank, levels = len(shape), encoding.levels
    _check(rank and min(shape) > 0, f"the shape {shape} is empty")
    _check(
        sorted(traversal[:rank]) == list(range(rank))
        and sorted(traversal[rank:]) == list(range(rank, rank + len(block_map))),
        f"the traversal order {traversal} does not list each dimension, then each block",
    )
    _check(len(levels) == len(traversal), f"{len(levels)} levels for traversal order {traversal}")
    _check(
        len(set(block_map)) == len(block_map) and set(block_map) <= set(range(rank)),
        f"the block map {block_map} names other dimensions than those of the shape {shape}",
    )
    block_levels = [levels[traversal.index(rank + k)] for k in range(len(block_map))]
    _check(
        all(
            isinstance(level, DenseLevel) and level.size > 0 and shape[dim] % level.size == 0
            for dim, level in zip(block_map, block_levels, strict=True)
        ),
        f"a block is compressed or does not divide the shape {shape}",
    )
    sizes, axes = _expanded(shape, traversal, block_map, [level.size for level in block_levels])
    level_sizes = [sizes[axis] for axis in axes]
    nodes = 1
    for number, (level, size) in enumerate(zip(levels, level_sizes, strict=True)):
        if isinstance(level, DenseLevel):
            _check(level.size == size, f"level {number} has size {level.size}, expected {size}")
            nodes *= size
        else:
            _check_csr(level, number, nodes, size)
            nodes = len(level.indices)
    _check(len(encoding.values) == nodes, f"{len(encoding.values)} values, expected {nodes}")
    return sizes, axes, level_sizes


def _check_csr(level, number, rows, size):
    segments, indices = level.segments, level.indices
    _check(
        len(segments) == rows + 1, f"level {number} has {len(segments)} segments for {rows} rows"
    )
    _check(
        segments[0] == 0 and segments[-1] == len(indices) and (segments[1:] >= segments[:-1]).all(),
        f"level {number} has segments that do not divide its {len(indices)} indices",
    )
    _check(
        not len(indices) or (indices.min() >= 0 and indices.max() < size),
        f"level {number} has indices outside 0..{size - 1}",
    )


def _check(condition, problem):
    if not condition:
        raise ValueError(f"The sparse encoding is inconsistent: {problem}.")
