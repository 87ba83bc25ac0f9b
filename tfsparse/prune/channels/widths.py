"""The number of channels that each group keeps, and which: pure functions on NumPy arrays.

The scores of a group are a float array with one number for each channel. The lowest are cut first.
A score of -inf means that the channel is already cut and stays so. So a resumed training with the
same pruning ratio cuts no more.
"""

import bisect

import numpy as np


def uniform_cuts(scores, pruning_ratio):
    """Returns the number of channels to cut in each group if all lose the same fraction.

    Args:
        scores: List of float arrays, one for each group.
        pruning_ratio: Float in [0, 1), or one for each group.

    Returns:
        List of ints.
    """
    pruning_ratios = np.broadcast_to(pruning_ratio, len(scores))
    return [round(r * s.size) for r, s in zip(pruning_ratios.tolist(), scores, strict=True)]


def global_cuts(scores, pruning_ratio, multiple_of=1):
    """Returns the number of channels to cut in each group if all channels are compared.

    Args:
        scores: List of float arrays, one for each group.
        pruning_ratio: Float in [0, 1), the fraction of all channels together.
        multiple_of: Int, the fewest channels that every group keeps.

    Returns:
        List of ints.
    """
    candidates = [np.sort(s)[: max(s.size - multiple_of, 0)] for s in scores]
    owners = np.repeat(np.arange(len(scores)), [c.size for c in candidates])
    order = np.argsort(np.concatenate(candidates), kind="stable")
    chosen = order[: round(pruning_ratio * sum(s.size for s in scores))]
    return np.bincount(owners[chosen], minlength=len(scores)).tolist()


def remove_lowest(scores, cuts, multiple_of=1):
    """Returns the channels to cut in each group.

    Args:
        scores: List of float arrays, one for each group.
        cuts: List of ints, the number of channels to cut in each group.
        multiple_of: Int. If a group loses channels, the number that it keeps is rounded down to
            a multiple of it, but not to 0.

    Returns:
        List of int arrays, the channels in ascending order of their scores.
    """
    removed = []
    for s, cut in zip(scores, cuts, strict=True):
        rounded = max((s.size - cut) // multiple_of, 1) * multiple_of
        kept = min(rounded, s.size) if cut else s.size
        count = max(s.size - kept, int(np.isneginf(s).sum()))
        removed.append(np.argsort(s, kind="stable")[:count])
    return removed


def lowest_pruning_ratio(cost, budget, channels):
    """Returns the lowest pruning_ratio at which a cost is within a budget.

    Args:
        cost: Function of a pruning ratio that does not increase with it.
        budget: Number, the highest cost allowed.
        channels: Int, the number of all channels, which gives the resolution of pruning ratios.

    Returns:
        Float in [0, 1), or None if no pruning ratio is high enough.
    """
    steps = bisect.bisect_left(range(channels), -budget, key=lambda n: -cost(n / channels))
    return steps / channels if steps < channels else None
