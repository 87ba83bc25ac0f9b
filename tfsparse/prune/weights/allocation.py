"""Distributes a sparsity among layers by their losses: pure functions on NumPy arrays."""

import numpy as np

_BISECTIONS = 60  # to the precision of a float


def equal_losses(points, losses, sizes, total):
    """Returns the sparsities at which all layers have the same loss, for a given total sparsity.

    Each layer gets the largest sparsity at which its loss is within a tolerance, interpolated
    linearly between the points. Bisection finds the tolerance. At a tolerance where losses are
    constant the sparsities jump; the result is then a mean of those before and after the jump.

    Args:
        points: Float array (sparsities,), in ascending order from 0.
        losses: Float array (layers, sparsities), the loss of each layer at the points: from 0,
            never falling.
        sizes: Int array (layers,), number of weights of each layer.
        total: Float in (0, last of `points`], the sparsity of all layers together.

    Returns:
        Float array (layers,).
    """

    def tolerating(tolerance):
        return np.array([_largest(points, row, tolerance) for row in losses])

    def reached(sparsities):
        return np.dot(sizes, sparsities) / sizes.sum()

    # Below a tolerance of 0 nothing is pruned.
    low, high = -1.0, losses.max()
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2
        if reached(tolerating(middle)) < total:
            low = middle
        else:
            high = middle
    below, above = tolerating(low), tolerating(high)
    part = (total - reached(below)) / (reached(above) - reached(below))
    return below + part * (above - below)


def _largest(points, losses, tolerance):
    """Returns the largest sparsity at which the loss of a layer is within a tolerance."""
    last = np.searchsorted(losses, tolerance, side="right") - 1
    if last < 0:
        return 0.0
    if last == len(points) - 1:
        return points[-1]
    part = (tolerance - losses[last]) / (losses[last + 1] - losses[last])
    return points[last] + part * (points[last + 1] - points[last])
