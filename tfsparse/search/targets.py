"""What a search shall reach: an amount of latency, bytes or MACs, or a loss of accuracy."""

import dataclasses
from collections.abc import Mapping

from tfsparse.arguments import is_number

# Fractions are of the quantity with the same name. Amounts are of another, and are divided to have
# its unit.
FRACTIONS = ("latency", "size", "archive", "macs")
AMOUNTS = {
    "latency_ms": ("latency", 1e3),
    "size_bytes": ("size", 1),
    "archive_bytes": ("archive", 1),
    "macs_count": ("macs", 1),
}
LOSS = "accuracy_loss"
KEYS = (*FRACTIONS, *AMOUNTS, LOSS)


@dataclasses.dataclass(frozen=True)
class Target:
    """What to reach.

    Attributes:
        quantity: `"latency"`, `"size"`, `"archive"` or `"macs"`.
        fraction: Float, what may remain of the dense model's, or None.
        amount: Float, what may remain in the quantity's unit, or None.
        loss: Float, the most that the metric may get worse, or None. The least latency is wanted
            within it.
    """

    quantity: str = "latency"
    fraction: float | None = None
    amount: float | None = None
    loss: float | None = None

    def budget(self, dense):
        """The amount that may remain, of what the dense model has."""
        return self.amount if self.fraction is None else self.fraction * dense


def parse(target):
    """Returns the `Target` that a mapping with one key stands for.

    Args:
        target: Mapping from one of `KEYS` to a number.

    Raises:
        TypeError: It is no mapping, or its value is no number.
        ValueError: It has not exactly one of these keys, or the number is out of its range.
    """
    if not isinstance(target, Mapping):
        raise TypeError(
            f"Expected a target such as {{'latency': 0.5}}, with one of {', '.join(KEYS)}. "
            f"Received: {target!r}"
        )
    if len(target) != 1 or next(iter(target)) not in KEYS:
        raise ValueError(f"Expected one of {', '.join(KEYS)} as target. Received: {dict(target)!r}")
    ((key, value),) = target.items()
    if not is_number(value):
        raise TypeError(f"Expected a number for target {key!r}. Received: {value!r}")
    if key == LOSS:
        if not value >= 0:
            raise ValueError(f"Expected {key} to be at least 0. Received: {value}")
        return Target(loss=float(value))
    if key in FRACTIONS:
        if not 0 < value < 1:
            raise ValueError(
                f"Expected {key} to be in (0, 1), the fraction of the dense model's that may "
                f"remain. Received: {value}. For an amount use one of {', '.join(AMOUNTS)}."
            )
        return Target(key, fraction=float(value))
    if not value > 0:
        raise ValueError(f"Expected {key} to be above 0. Received: {value}")
    quantity, divisor = AMOUNTS[key]
    return Target(quantity, amount=value / divisor)


class TargetOutOfReachError(ValueError):
    """No choice of sparsities meets the target."""


def check_reachable(budget, dense, table):
    """Raises a `TargetOutOfReachError` if the least that a table can give is above a budget.

    Args:
        budget: Float, what the model may cost.
        dense: Float, the cost of the dense model as it runs now.
        table: The `CostTable`.
    """
    if table.least <= budget:
        return
    amount = table.amount
    part = "group of channels" if table.pruned == "channels" else "layer"
    message = (
        f"The target, a {table.quantity} of {amount(budget)}, is out of reach. The least is "
        f"{amount(table.least)}, which is {table.least / dense:.2f} of the dense model's "
        f"{amount(dense)}, with every {part} at its cheapest sparsity."
    )
    layers = sorted(table.layers, key=lambda layer: -min(layer.costs))
    holding = [f"{layer.name} {amount(min(layer.costs))}" for layer in layers if min(layer.costs)]
    if holding:  # From the costs of whole files it is not known which layers have the rest.
        message += (
            f" Of it, {amount(table.rest)} are of operators that pruning leaves as they are, and "
            f"most of the rest of: {', '.join(holding[:3])}."
        )
    raise TargetOutOfReachError(message)
