"""How much to cut: a pruning ratio of the channels, or a budget of MACs."""

from collections.abc import Mapping
from numbers import Integral

from tfsparse.arguments import check_fraction, is_number
from tfsparse.prune.channels import widths

_DEFAULT_PRUNING_RATIO = 0.5


def within_budget(graph, removed_at, budget, channels):
    """Returns the fewest channels to cut so that a model costs no more than a budget.

    Args:
        graph: `ChannelGraph`.
        removed_at: Function from a pruning ratio to the channels that are cut at it, a dict from
            groups to int arrays.
        budget: Float in (0, 1], the fraction of the MACs that may remain.
        channels: Int, the number of channels that could be cut.

    Raises:
        ValueError: Whatever is cut, more remains.
    """
    total = graph.macs()
    pruning_ratio = widths.lowest_pruning_ratio(
        # Rounding refuses no cost that is just the budget.
        lambda ratio: graph.macs(removed_at(ratio)),
        budget * total * (1 + 1e-12),
        channels,
    )
    if pruning_ratio is None:
        least = graph.macs(removed_at((channels - 1) / channels))
        raise ValueError(
            f"Expected macs of at least {least / total:.3f}, or {least}: so much remains if the "
            f"groups in scope keep as little as they may. Received: {budget:.3f}. A wider scope, "
            "such as 'all', or a smaller multiple_of allows less."
        )
    return removed_at(pruning_ratio)


def check_amount(pruning_ratio, macs, scope):
    """Checks that one of the three says how much to cut.

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
    """Returns the fraction of channels, or of MACs, that is to go.

    Args:
        pruning_ratio, macs, scope: As `check_amount` takes them.
        total: Int, the MACs of the model, for `macs` that is a number of them.

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
