"""Which sparsity each layer gets, for a budget and some coefficients."""

import dataclasses

import numpy as np

from tfsparse.prune.weights.sensitivity import Sensitivity
from tfsparse.search.allocation import allocate
from tfsparse.search.cost_table import CostTable
from tfsparse.search.losses import levels, losses


@dataclasses.dataclass(frozen=True)
class Plan:
    """What sparsities are chosen from: the costs and the sensitivities of layers or channels.

    Attributes:
        table: A `CostTable`.
        sensitivity: A `Sensitivity` of the same layers.
        correction: Float, the measured cost of a sparse model over the predicted one.
    """

    table: CostTable
    sensitivity: Sensitivity
    correction: float = 1.0

    def sparsities(self, budget, coefficients):
        """Chooses the sparsity of each layer.

        Args:
            budget: Float, the most that the whole model may cost, in the table's unit.
            coefficients: `Coefficients`.

        Returns:
            A dictionary from names of layers to sparsities; 0 for layers to leave dense.
        """
        names = [layer.name for layer in self.table.layers]
        choices = self._choices()
        costs = [
            np.interp(choices, self.table.sparsities, np.minimum.accumulate(layer.costs))
            for layer in self.table.layers
        ]
        table_budget = budget / self.correction - self.table.rest
        least = np.min(costs, axis=1).sum()
        chosen = allocate(
            costs,
            losses(self.sensitivity, names, choices, coefficients),
            # The last correction may ask for a little less than there is.
            max(table_budget, least * (1 + 1e-9)),
        )
        return dict(zip(names, choices[chosen].tolist(), strict=True))

    def _choices(self):
        """The sparsities to choose among, a float array.

        A number of channels may be much slower than its neighbours, so that only those are chosen
        that were measured.
        """
        if self.table.pruned == "channels":
            return np.array(self.table.sparsities)
        return levels(self.table.sparsities[-1])

    def predicted(self, sparsities):
        """The cost of the model with these sparsities, in the table's unit."""
        return self.correction * self.table.cost(sparsities)
