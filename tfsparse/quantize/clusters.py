"""k-means of the weights of one layer."""

import numpy as np

_MOST_ROUNDS = 300


def k_means(values, count):
    """Returns the centroids of k-means from a linear start, and which is nearest to each value.

    It is Lloyd's algorithm for numbers: sorted, a cluster is an interval and its sum a difference
    of two cumulative sums, so that a round takes no pass over the values. The start is `count`
    numbers from the smallest to the largest value at equal distances, which keeps large weights
    apart; from Han et al., "Deep Compression", 2016 (https://arxiv.org/abs/1510.00149), section 3.

    Args:
        values: Array of floats, not empty.
        count: Int, the largest number of centroids.

    Returns:
        Array of at most `count` centroids in ascending order, of the dtype of the values, and an
        int32 array of the shape of the values with the index of each one's centroid. If there are
        at most `count` different values, the centroids are exactly these.
    """
    ordered = np.sort(values, axis=None)
    different = ordered[np.concatenate([[True], ordered[1:] != ordered[:-1]])]
    if len(different) <= count:
        centroids = different
    else:
        centroids = _lloyd(ordered.astype(np.float64), count).astype(values.dtype)
    return centroids, np.searchsorted(_borders(centroids), values).astype(np.int32)


def _lloyd(ordered, count):
    """Returns the centroids of sorted values."""
    sums = np.concatenate([[0.0], np.cumsum(ordered)])
    centroids = np.linspace(ordered[0], ordered[-1], count)
    for _ in range(_MOST_ROUNDS):
        ends = np.searchsorted(ordered, _borders(centroids), side="right")
        ends = np.concatenate([[0], ends, [len(ordered)]])
        sizes = np.diff(ends)
        # A cluster that is empty goes: it would stay where it is.
        moved = np.diff(sums[ends])[sizes > 0] / sizes[sizes > 0]
        if np.array_equal(moved, centroids):
            break
        centroids = moved
    return centroids


def _borders(centroids):
    return (centroids[1:] + centroids[:-1]) / 2
