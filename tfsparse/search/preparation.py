"""What a search measures before its first trial: costs, sensitivities, and how far sums are off."""

import dataclasses
import functools
import glob
import time

from tfsparse.prune.weights.sensitivity import sensitivity
from tfsparse.search import measure, targets
from tfsparse.search.byte_counts import num_bytes
from tfsparse.search.channel_cuts import channel_sensitivity
from tfsparse.search.losses import Coefficients
from tfsparse.search.measured import nonzero_macs
from tfsparse.search.plan import Plan
from tfsparse.search.prepared import Prepared

SENSITIVITIES = (0.5, 0.7, 0.8, 0.9, 0.95)
# The second plan is made with the correction of the first.
CORRECTIONS = 2
# Where the loss of accuracy is the target, sums are compared at this fraction of the dense cost.
USUAL = 0.5
DEFAULTS = Coefficients()


def prepare(models, data, target, reference, rulers, table=None):
    """Measures what a search needs.

    Args:
        models: Dictionary from variants to compiled Keras 3 models.
        data: `Data`.
        target: `targets.Target`.
        reference: Float, the metric of the dense model.
        rulers: Dictionary from variants to the `Ruler` of the file of each.
        table: A `CostTable` of another device, or None to measure one here.

    Returns:
        A `Prepared`.

    Raises:
        TargetOutOfReachError: No sparsities meet the target.
    """
    started = time.monotonic()
    plans, dense, budget = {}, None, None
    for name, ruler in rulers.items():
        own = ruler.table() if table is None else table
        check_table(own, ruler, target)
        if dense is None:
            dense = own.dense * ruler.dense_share
            budget = None if target.loss is not None else target.budget(dense)
        if budget is not None:
            targets.check_reachable(budget, dense, own)
        plan = Plan(own, measured_losses(models[name], data, own))
        plans[name] = ruler.corrected(plan, USUAL * dense if budget is None else budget, dense)
    return Prepared(plans, dense, budget, reference, time.monotonic() - started)


def measured_losses(model, data, table):
    """The `Sensitivity` of the loss to each layer of a table."""
    if table.pruned == "channels":
        names = [layer.name for layer in table.layers]
        return channel_sensitivity(model, data.sample, names, table.sparsities[1:], data.batch_size)
    return sensitivity(
        model,
        data.sample,
        SENSITIVITIES,
        metric="loss",
        higher_is_better=False,
        scope={glob.escape(layer.name): SENSITIVITIES[0] for layer in table.layers},
        block_size=table.block_size,
        batch_size=data.batch_size,
    )


def check_table(table, ruler, target):
    """Raises a ValueError unless a table is of what a search prunes, and of its quantity."""
    quantities = ("latency", "instructions") if target.quantity == "latency" else (target.quantity,)
    expected = {
        "quantity": quantities,
        "block_size": (ruler.block_size,),
        "weights": (ruler.weights,),
        "pruned": (ruler.pruned,),
    }
    for name, values in expected.items():
        if getattr(table, name) not in values:
            raise ValueError(
                f"Expected a table with {name} {' or '.join(map(repr, values))}, as is searched "
                f"for. Received one with {getattr(table, name)!r}."
            )
    own = {layer.name: layer.size for layer in ruler.layers}
    unknown = [one.name for one in table.layers if own.get(one.name) != one.size]
    if unknown:
        raise ValueError(
            f"Expected a table of this model's layers: {', '.join(own)}. Received one with "
            f"{', '.join(unknown)}."
        )


class Ruler:
    """Compares a model's cost as a table says with what is measured here.

    Args:
        measured: `Measured` or `MeasuredChannels`.
        quantity: That of the table.
        block_size: Pair of ints.
        num_threads: Int.
        is_here: Whether costs can be measured here; those of another device are taken as they are.
        reference: The same of the model that costs are fractions of.
    """

    def __init__(self, measured, quantity, block_size, num_threads, is_here, reference):
        self._measured, self._quantity = measured, quantity
        self._reference = reference
        self.block_size, self._num_threads = block_size, num_threads
        self._is_here = is_here

    @property
    def layers(self):
        """List of the layers, or of the groups of channels, that are pruned."""
        return self._measured.layers

    @property
    def pruned(self):
        """What is pruned, `"weights"` or `"channels"`."""
        return self._measured.pruned

    @property
    def weights(self):
        """The type of the file's weights."""
        return self._measured.weights

    def table(self):
        """Measures a `CostTable` here."""
        return measure.measure_costs(
            self._measured,
            self._quantity,
            block_size=self.block_size,
            num_threads=self._num_threads,
        )

    @functools.cached_property
    def dense_share(self):
        """What the reference takes now, over what the delegate takes for the dense file, a float.

        The interpreter leaves a dense model to TFLite's default where that is faster.
        """
        return min(self._dense_shares)

    @functools.cached_property
    def _dense_shares(self):
        """The same with the delegate for the reference, and with TFLite's default."""
        if not self._is_here:
            return 1.0, 1.0
        if self._quantity != "latency":
            share = self._amount(self._reference) / self._amount(self._measured)
            return share, share
        by_delegate = 1.0
        if self._reference is not self._measured:
            by_delegate = self._speedup(self._measured.dense)
        return by_delegate, self._speedup(self._measured.dense, of_default=True)

    def _amount(self, measured):
        if self._quantity == "macs":
            return sum(measured.macs.values())
        return num_bytes(measured.dense, self._quantity)

    def _speedup(self, content, of_default=False):
        """The latency of the reference over that of a file."""
        return measure.speedup(
            self._reference.dense,
            content,
            self._num_threads,
            of_default,
            options=self._measured.delegate_options,
        )

    def share(self, content):
        """The cost of a file over that of the reference as it runs now; None if not known."""
        if not self._is_here:
            return None
        if self._quantity == "latency":
            by_delegate, by_default = self._dense_shares
            return 1 / self._speedup(content, by_default < by_delegate)
        if self._quantity == "macs":
            amount = nonzero_macs(content)
        else:
            amount = num_bytes(content, self._quantity)
        return amount / self._amount(self._reference)

    def corrected(self, plan, budget, dense, coefficients=DEFAULTS):
        """Measures near a budget what factor the sum of a `Plan` is off.

        Args:
            plan: `Plan`.
            budget: Float, what the model may cost.
            dense: Float, the cost of the reference.
            coefficients: `Coefficients` of the sparsities to measure with.

        Returns:
            The plan with this factor as its correction; the same plan if its table is of another
            device.
        """
        if not self._is_here:
            return plan
        for _ in range(CORRECTIONS):
            sparsities = plan.sparsities(budget, coefficients)
            own = [sparsities.get(layer.name, 0.0) for layer in self.layers]
            share = self.share(self._measured.variant(own, self.block_size))
            correction = share * dense / plan.table.cost(sparsities)
            plan = dataclasses.replace(plan, correction=correction)
        return plan
