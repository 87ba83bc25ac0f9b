"""The best split of a budget among layers: dynamic programming, pure functions on NumPy arrays."""

import numpy as np

BUCKETS = 10_000


def allocate(costs, losses, budget):
    """Chooses an option for each layer, with the least sum of losses within a budget.

    Costs are rounded up to 1/10,000 of the budget, so that the sum never exceeds it. The table of
    the best losses over such buckets is filled layer by layer, as in Frantar & Alistarh, "SPDY:
    Accurate Pruning with Speedup Guarantees", 2022 (https://arxiv.org/abs/2201.13096).

    Args:
        costs: Float array (layers, options), none below 0.
        losses: Float array (layers, options).
        budget: Float, the most that the costs of all layers together may be.

    Returns:
        Int array (layers,), the option of each layer.

    Raises:
        ValueError: The budget is below the sum of the least costs.
    """
    costs, losses = np.asarray(costs, float), np.asarray(losses, float)
    least = costs.min(axis=1).sum()
    if not budget >= least:
        raise ValueError(
            f"Expected a budget of at least {least:g}, the sum of the least costs. "
            f"Received: {budget:g}"
        )
    steps = np.ceil(costs * (BUCKETS / budget)) if budget > 0 else np.zeros(costs.shape)
    # Rounding up needs a bucket for each layer; a tighter budget takes the least costs as they are.
    if steps.min(axis=1).sum() > BUCKETS:
        return _cheapest(costs, losses)
    steps = np.minimum(steps, BUCKETS + 1).astype(int)
    best = np.zeros(BUCKETS + 1)  # the least loss of the layers so far, by the buckets they use
    choices = []
    for layer_steps, layer_losses in zip(steps, losses, strict=True):
        totals = np.full((len(layer_steps), BUCKETS + 1), np.inf)
        for row, step, loss in zip(totals, layer_steps, layer_losses, strict=True):
            row[step:] = best[: BUCKETS + 1 - step] + loss
        choices.append(totals.argmin(axis=0))
        best = totals.min(axis=0)
    left, chosen = BUCKETS, []
    for layer_steps, choice in zip(steps[::-1], choices[::-1], strict=True):
        chosen.append(choice[left])
        left -= layer_steps[chosen[-1]]
    return np.array(chosen[::-1])


def _cheapest(costs, losses):
    """The cheapest option of each layer; of equal ones that with the least loss."""
    return np.array(
        [np.lexsort((of_loss, of_cost))[0] for of_cost, of_loss in zip(costs, losses, strict=True)]
    )
