"""Blocks of weights that are pruned together: pure functions on NumPy arrays.

A block holds neighbouring output and input channels at one position of a kernel. Blocks begin at
multiples of their size. If the number of channels is no multiple of it, the last block is smaller.

Functions take a block's size along each axis of the kernel: `(1, 1, 4, 1)` for four input channels
of a Keras convolution, whose kernel is HWIO.
"""

import numpy as np

from tfsparse.annotations import BlockSize
from tfsparse.arguments import is_number

# The delegate's float32 kernels share indices among that many output channels.
OUTPUTS = (1, 2, 4)
# Its int8 kernels skip the four input channels that one dot-product instruction multiplies.
INPUTS = (1, 4)


def checked_block_size(block_size: BlockSize) -> tuple[int, int]:
    """Returns the argument `block_size` as a pair of output and input channels.

    Raises:
        ValueError: It is neither one of `OUTPUTS`, nor a pair of one of them and one of `INPUTS`.
    """
    pair = tuple(block_size) if isinstance(block_size, list | tuple) else (block_size, 1)
    if (
        len(pair) != 2
        or not all(is_number(size, int) for size in pair)
        or pair[0] not in OUTPUTS
        or pair[1] not in INPUTS
    ):
        raise ValueError(
            "Expected block_size to be 1, 2 or 4 output channels, or a pair of 1, 2 or 4 output "
            f"and 1 or 4 input channels, such as (1, 4). Received: {block_size!r}"
        )
    return pair


def block_magnitudes(weights, block_shape):
    """Returns the mean magnitude of each block.

    Args:
        weights: Float array.
        block_shape: Tuple of ints, the size of a block along each axis.

    Returns:
        Float32 array with one value for each block.
    """
    # NumPy cannot sort every 16-bit type.
    magnitudes = np.abs(weights).astype(np.float32, copy=False)
    for axis, size in enumerate(block_shape):
        if size > 1:
            magnitudes = _means(magnitudes, axis, size)
    return magnitudes


def spread_blocks(keep, shape, block_shape):
    """Returns a mask of weights from a mask of blocks.

    Args:
        keep: Bool array with one value for each block.
        shape: Tuple of ints, the shape of the weights.
        block_shape: Tuple of ints, the size of a block along each axis.

    Returns:
        Bool array of shape `shape`.
    """
    for axis, size in enumerate(block_shape):
        if size > 1:
            keep = np.repeat(keep, size, axis)
    return keep[tuple(map(slice, shape))]


def first_of_blocks(weights, block_shape):
    """Returns the first element of each block, which for a mask of whole blocks is that of all."""
    return weights[tuple(slice(None, None, size) for size in block_shape)]


def _means(values, axis, size):
    """Returns the means of neighbours along an axis, of fewer at its end."""
    starts = np.arange(0, values.shape[axis], size)
    counts = np.diff(np.append(starts, values.shape[axis])).astype(values.dtype)
    along = [1] * values.ndim
    along[axis] = -1
    return np.add.reduceat(values, starts, axis) / counts.reshape(along)
