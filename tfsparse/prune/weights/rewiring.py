"""Which connections a sparse network starts with, drops and grows: pure functions on arrays."""

import numpy as np

from tfsparse.prune.magnitude import keep_all_but


def first_mask(scores, sparsity, rng):
    """Returns a random mask that keeps what is not zero, as far as there is room for it.

    Args:
        scores: Float array, one score for each block: 0 where it is pruned already.
        sparsity: Float in [0, 1). Exactly `round(sparsity * scores.size)` are pruned, but not all.
        rng: `numpy.random.Generator`.

    Returns:
        Bool array of the same shape, True where a block is kept.
    """
    pruned = min(round(sparsity * scores.size), scores.size - 1)
    return keep_all_but(rng.random(scores.shape) + (scores != 0), pruned)


def rewire(keep, magnitudes, growth, fraction):
    """Returns a mask with as many blocks, some of them in other places.

    The smallest of those that are kept are dropped, and as many of the others grow, the dropped
    ones included: one that is worth growing stays, as in the method's reference implementation.

    Args:
        keep: Bool array, the mask.
        magnitudes: Float array of the same shape, at least 0.
        growth: Float array of the same shape, at least 0: the largest grow.
        fraction: Float in [0, 1], how many of the kept ones are dropped.

    Returns:
        Bool array of the same shape.
    """
    kept = np.count_nonzero(keep)
    moved = round(fraction * kept)
    stays = keep_all_but(np.where(keep, magnitudes, -1), keep.size - kept + moved)
    grows = keep_all_but(np.where(stays, -1, growth), keep.size - moved)
    return stays | grows
