"""The initial masks of sparse training, and their updates: pure functions on NumPy arrays."""

import numpy as np

from tfsparse.prune.magnitude import keep_all_but


def first_mask(scores, sparsity, rng):
    """Returns a random mask that prunes zeros first.

    Args:
        scores: Float array, one score for each block: 0 where it is already pruned.
        sparsity: Float in [0, 1). Exactly `round(sparsity * scores.size)` are pruned, but not all.
        rng: `numpy.random.Generator`.

    Returns:
        Bool array of the same shape, True where a block is kept.
    """
    pruned = min(round(sparsity * scores.size), scores.size - 1)
    return keep_all_but(rng.random(scores.shape) + (scores != 0), pruned)


def rewire(keep, magnitudes, growth, fraction):
    """Returns a mask with the same number of blocks, after a drop and a growth.

    The smallest kept blocks are dropped, and as many of the others grow. A dropped block may
    grow at once, as in the method's reference implementation.

    Args:
        keep: Bool array, the mask.
        magnitudes: Float array of the same shape, at least 0.
        growth: Float array of the same shape, at least 0: the largest grow.
        fraction: Float in [0, 1], the fraction of kept blocks that are dropped.

    Returns:
        Bool array of the same shape.
    """
    kept = np.count_nonzero(keep)
    moved = round(fraction * kept)
    stays = keep_all_but(np.where(keep, magnitudes, -1), keep.size - kept + moved)
    grows = keep_all_but(np.where(stays, -1, growth), keep.size - moved)
    return stays | grows
