"""Stochastic rounding to a few levels, the mean of which is the value itself."""

import numpy as np


def in_buckets(values, size):
    """Returns float values, (count,), as rows of a size, the last one padded with zeros."""
    padded = np.zeros(-(-len(values) // size) * size, np.float32)
    padded[: len(values)] = values
    return padded.reshape(-1, size)


def quantize(buckets, scales, levels, rng):
    """Returns each value as an integer from -levels to levels, at random one of the two nearest.

    The mean over the random numbers of code * scale / levels is the value.

    Args:
        buckets: Array of float32, (buckets, size).
        scales: Array of float32, (buckets,): at least as large as the absolute values of a row.
        levels: Int from 1 to 127.
        rng: `numpy.random.Generator`.

    Returns:
        Array of int8, (buckets, size).
    """
    divisors = np.where(scales > 0, scales, 1)[:, None]
    positions = np.minimum(np.abs(buckets) / divisors * levels, levels)
    low = np.floor(positions)
    codes = low + (rng.random(positions.shape, np.float32) < positions - low)
    return (np.sign(buckets) * codes).astype(np.int8)


def dequantize(codes, scales, levels):
    """Returns the values of codes, an array of float32, (buckets, size)."""
    return codes * (scales / np.float32(levels))[:, None]
