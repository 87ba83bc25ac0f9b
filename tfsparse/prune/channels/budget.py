"""The amount to cut: a pruning ratio of the channels, or a budget of MACs."""

from collections.abc import Mapping
from numbers import Integral

from tfsparse.arguments import check_fraction, is_number
from tfsparse.prune.channels import widths

_DEFAULT_PRUNING_RATIO = 0.5


def within_budget(graph, removed_at, budget, channels):
    """Returns the fewest channels to cut so that the MACs of a model are within a budget.

    Args:
        graph: `ChannelGraph`.
        removed_at: Function from a pruning ratio to the channels to cut, a dict from groups to int
            arrays.
        budget: Float in (0, 1], the fraction of the MACs that may remain.
        channels: Int, the number of channels that could be cut.

    Raises:
        ValueError: The budget cannot be reached with these groups.
    """
    total = graph.macs()
    pruning_ratio = widths.lowest_pruning_ratio(
        # Float rounding must not exclude MACs equal to the budget.
        lambda ratio: graph.macs(removed_at(ratio)),
        budget * total * (1 + 1e-12),
        channels,
    )
    if pruning_ratio is None:
        least = graph.macs(removed_at((channels - 1) / channels))
        raise ValueError(
            f"Expected macs of at least {least / total:.3f}, or {least}: this much remains with "
            f"the fewest channels in all groups in scope. Received: {budget:.3f}. Use a wider "
            "scope, such as 'all', or a smaller multiple_of."
        )
    return removed_at(pruning_ratio)


def check_amount(pruning_ratio, macs, scope):
    """Checks the arguments that give the amount to cut.

    Raises:
        TypeError: `pruning_ratio` or `macs` is no number.
        ValueError: One is out of its range, or more than one of the three is given.
    """
    layers_decide = isinstance(scope, Mapping)
    if (pruning_ratio is not None) + (macs is not None) + layers_decide > 1:
        raise ValueError(
            "Give one of pruning_ratio, macs, or a mapping as scope, which has its own pruning "
            f"ratios. Received: pruning_ratio={pruning_ratio}, macs={macs}, scope={scope!r}"
        )
    if pruning_ratio is not None:
        check_fraction("pruning_ratio", pruning_ratio)
    if macs is None:
        return
    if not is_number(macs):
        raise TypeError(f"Expected macs to be a float or an int. Received: {macs!r}")
    if not (macs > 0 if isinstance(macs, Integral) else 0 < macs < 1):
        raise ValueError(
            "Expected macs to be what may remain: a fraction of the model's MACs (a float in "
            f"(0, 1)), or a number of them (an int above 0). Received: {macs!r}"
        )


def amount_to_cut(pruning_ratio, macs, scope, total=None):
    """Returns the fraction of channels, or of MACs, to cut.

    Args:
        pruning_ratio, macs, scope: As in `check_amount`.
        total: Int, the MACs of the model, for `macs` as a number.

    Returns:
        Float in [0, 1); 0 while it depends on a total that is not known.
    """
    if isinstance(scope, Mapping):
        return max(scope.values())
    if macs is None:
        return float(_DEFAULT_PRUNING_RATIO if pruning_ratio is None else pruning_ratio)
    if not isinstance(macs, Integral):
        return 1 - float(macs)
    return 0.0 if total is None else max(0.0, 1 - macs / total)
