"""Patterns of 3x3 kernels: pure functions on NumPy arrays.

A pattern keeps some of the nine taps of a kernel, always including the centre. A
kernel connects one input channel with one output channel: `weights[:, :, i, o]`. A block is
a group of kernels of neighbouring input and output channels that share a pattern; its shape is
`(1, 1, inputs, outputs)`.
"""

from itertools import combinations

import numpy as np

from tfsparse.prune.blocks import block_magnitudes, spread_blocks
from tfsparse.prune.magnitude import keep_largest

_CENTRE = 4
_SINGLE = (1, 1, 1, 1)


def all_patterns(entries):
    """Returns all patterns with a given number of taps.

    Args:
        entries: Int from 1 to 9, the taps that a pattern keeps.

    Returns:
        Bool array [patterns, 9].
    """
    others = [position for position in range(9) if position != _CENTRE]
    chosen = list(combinations(others, entries - 1))
    patterns = np.zeros((len(chosen), 9), bool)
    for pattern, kept in zip(patterns, chosen, strict=True):
        pattern[[_CENTRE, *kept]] = True
    return patterns


def most_frequent(weights, count, entries, block_shape=_SINGLE):
    """Returns the patterns that are most often the best one of a block.

    Args:
        weights: Float arrays [3, 3, inputs, outputs]. Blocks with only zeros are ignored.
        count: Int, patterns to return.
        entries: Int, the taps that a pattern keeps.
        block_shape: Tuple of ints, the size of a block along each axis.

    Returns:
        Bool array [at most `count`, 9], the most frequent first.
    """
    patterns = all_patterns(entries)
    frequency = np.zeros(len(patterns), int)
    for layer in weights:
        energy = _energy(layer, block_shape).reshape(9, -1)
        best = np.argmax(patterns @ energy[:, energy.any(axis=0)], axis=0)
        frequency += np.bincount(best, minlength=len(patterns))
    return patterns[np.argsort(-frequency, kind="stable")[:count]]


def nearest(weights, library, pruning_ratio, block_shape=_SINGLE):
    """Returns the mask that keeps most of a layer's energy: one pattern, or nothing, in each block.

    Args:
        weights: Float array [3, 3, inputs, outputs].
        library: Bool array [patterns, 9].
        pruning_ratio: Float in [0, 1), the fraction of blocks that are removed: those with the
            least energy in their patterns.
        block_shape: Tuple of ints, the size of a block along each axis.

    Returns:
        Bool array of the same shape, True where a weight is kept.
    """
    energy = _energy(weights, block_shape)
    kept = library @ energy.reshape(9, -1)
    blocks = library[np.argmax(kept, axis=0)].T & keep_largest(kept.max(axis=0), pruning_ratio)
    return spread_blocks(blocks.reshape(energy.shape), weights.shape, block_shape)


def _energy(weights, block_shape):
    """Returns the mean square of each block's weights, [3, 3, input blocks, output blocks]."""
    return block_magnitudes(np.square(weights.astype(np.float32)), block_shape)
