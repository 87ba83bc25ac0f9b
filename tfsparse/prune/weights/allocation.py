"""How much of one sparsity each layer gets, by what it loses: pure functions on NumPy arrays."""

import numpy as np

_BISECTIONS = 60  # to the precision of a float


def equal_losses(points, losses, sizes, total):
    """Returns the sparsities at which layers lose the same and are as sparse as wanted together.

    With a tolerance each layer gets the largest sparsity at which it loses no more than that, on
    straight lines between the points. The tolerance is found by bisection. Where losses do not rise
    for a while, sparsities jump with it; then they are a mean of those before and after the jump.

    Args:
        points: Float array (sparsities,), rising from 0.
        losses: Float array (layers, sparsities), what each layer loses there: from 0, never
            falling.
        sizes: Int array (layers,), weights of each.
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
    """Returns the largest sparsity at which a layer loses no more than a tolerance."""
    last = np.searchsorted(losses, tolerance, side="right") - 1
    if last < 0:
        return 0.0
    if last == len(points) - 1:
        return points[-1]
    part = (tolerance - losses[last]) / (losses[last + 1] - losses[last])
    return points[last] + part * (points[last + 1] - points[last])
