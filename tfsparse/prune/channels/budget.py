"""How much to cut: a rate of the channels, or a budget of multiply-adds."""

from collections.abc import Mapping
from numbers import Real

from tfsparse.arguments import check_sparsity
from tfsparse.prune.channels import widths

_DEFAULT_RATE = 0.5


def within_budget(graph, removed_at, budget, channels):
    """Returns the fewest channels to cut so that a model costs no more than a budget.

    Args:
        graph: `ChannelGraph`.
        removed_at: Function from a rate to the channels that are cut at it, a dict from groups to
            int arrays.
        budget: Float in (0, 1), the fraction of the multiply-adds that may remain.
        channels: Int, the number of channels that could be cut.

    Raises:
        ValueError: Whatever is cut, more remains.
    """
    total = graph.multiply_adds()
    rate = widths.lowest_rate(
        lambda rate: graph.multiply_adds(removed_at(rate)), budget * total, channels
    )
    if rate is None:
        least = graph.multiply_adds(removed_at((channels - 1) / channels)) / total
        raise ValueError(
            f"Expected multiply_adds of at least {least:.3f}: so much remains if the groups in "
            f"scope keep as little as they may. Received: {budget:.3f}. A wider scope, such as "
            "'all', or a smaller multiple_of allows less."
        )
    return removed_at(rate)


def amount_to_cut(rate, multiply_adds, scope):
    """Returns the fraction of channels, or of multiply-adds, that is to go, a float in (0, 1).

    Raises:
        TypeError: `rate` or `multiply_adds` is no number.
        ValueError: One is out of its range, or there is more than one of them and rates in `scope`.
    """
    layers_decide = isinstance(scope, Mapping)
    if (rate is not None) + (multiply_adds is not None) + layers_decide > 1:
        raise ValueError(
            "Give one of rate, multiply_adds, or a mapping as scope, which has its own rates. "
            f"Received: rate={rate}, multiply_adds={multiply_adds}, scope={scope!r}"
        )
    if layers_decide:
        return max(scope.values(), default=0)
    if multiply_adds is None:
        rate = _DEFAULT_RATE if rate is None else rate
        check_sparsity("rate", rate)
        return float(rate)
    if not isinstance(multiply_adds, Real) or isinstance(multiply_adds, bool):
        raise TypeError(f"Expected multiply_adds to be a float. Received: {multiply_adds!r}")
    if not 0 < multiply_adds < 1:
        raise ValueError(
            "Expected multiply_adds to be in (0, 1): it is the fraction of the multiply-adds that "
            f"may remain. Received: {multiply_adds}"
        )
    return 1 - float(multiply_adds)
