"""Patterns of 3x3 kernels: pure functions on NumPy arrays.

A pattern says which of the nine positions of a kernel are kept, the centre always among them. A
kernel is what connects one input channel with one output channel: `weights[:, :, i, o]`.
"""

from itertools import combinations

import numpy as np

from tfsparse.prune.magnitude import keep_largest

_CENTRE = 4


def all_patterns(entries):
    """Returns every pattern that keeps some positions.

    Args:
        entries: Int, the positions that a pattern keeps, from 1 to 9.

    Returns:
        Bool array [patterns, 9].
    """
    others = [position for position in range(9) if position != _CENTRE]
    chosen = list(combinations(others, entries - 1))
    patterns = np.zeros((len(chosen), 9), bool)
    for pattern, kept in zip(patterns, chosen, strict=True):
        pattern[[_CENTRE, *kept]] = True
    return patterns


def most_frequent(kernels, count, entries):
    """Returns the patterns that lose least of most kernels.

    Args:
        kernels: Float arrays [3, 3, inputs, outputs]. Kernels that are all zero do not count.
        count: Int, patterns to return.
        entries: Int, the positions that a pattern keeps.

    Returns:
        Bool array [at most `count`, 9], the most frequent first.
    """
    patterns = all_patterns(entries)
    frequency = np.zeros(len(patterns), int)
    for kernel in kernels:
        energy = _energy(kernel)
        best = np.argmax(patterns @ energy[:, energy.any(axis=0)], axis=0)
        frequency += np.bincount(best, minlength=len(patterns))
    return patterns[np.argsort(-frequency, kind="stable")[:count]]


def nearest(kernel, library, connectivity):
    """Returns the mask that leaves most of a layer: a pattern for each kernel, or nothing of it.

    Args:
        kernel: Float array [3, 3, inputs, outputs].
        library: Bool array [patterns, 9].
        connectivity: Float in [0, 1), the fraction of kernels that are removed as a whole: those
            of which the patterns keep least.

    Returns:
        Bool array of the same shape, True where a weight is kept.
    """
    energy = library @ _energy(kernel)
    mask = (
        library[np.argmax(energy, axis=0)] & keep_largest(energy.max(axis=0), connectivity)[:, None]
    )
    return mask.T.reshape(kernel.shape)


def _energy(kernel):
    """Returns the squared weights, [9, kernels]."""
    return np.square(kernel.astype(np.float32)).reshape(9, -1)
