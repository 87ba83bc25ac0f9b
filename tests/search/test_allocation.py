import itertools

import numpy as np
import pytest

from tfsparse.search.allocation import BUCKETS, allocate


def brute_force(costs, losses, budget):
    """The least loss within a budget, of all choices."""
    layers = range(len(costs))
    return min(
        sum(losses[i][o] for i, o in zip(layers, options, strict=True))
        for options in itertools.product(range(len(costs[0])), repeat=len(costs))
        if sum(costs[i][o] for i, o in zip(layers, options, strict=True)) <= budget
    )


@pytest.mark.parametrize("seed", range(20))
def test_no_choice_within_the_budget_loses_less(seed):
    rng = np.random.default_rng(seed)
    costs = rng.integers(0, 2000, (5, 4)).astype(float)
    losses = rng.uniform(size=(5, 4))
    budget = float(rng.integers(costs.min(axis=1).sum(), BUCKETS))
    chosen = allocate(costs, losses, budget)
    rows = np.arange(5)
    assert costs[rows, chosen].sum() <= budget
    best = brute_force(costs, losses, budget)
    # The cost of each of five layers is rounded up by a bucket, here at most 1.
    assert losses[rows, chosen].sum() <= brute_force(costs, losses, budget - 5) + 1e-12
    assert losses[rows, chosen].sum() >= best - 1e-12


def test_a_large_budget_takes_the_least_losses():
    losses = np.array([[0.5, 0.1, 0.3], [0.0, 0.2, 0.1]])
    assert allocate(np.ones((2, 3)), losses, 100.0).tolist() == [1, 0]


def test_the_least_budget_takes_the_least_costs():
    costs = np.array([[3.0, 1.0, 2.0], [0.3, 0.2, 0.1], [0.7, 0.7, 0.9]])
    losses = np.array([[0.0, 9.0, 1.0], [0.0, 1.0, 2.0], [2.0, 1.0, 0.0]])
    assert allocate(costs, losses, costs.min(axis=1).sum()).tolist() == [1, 2, 1]


def test_costs_of_nothing_need_no_budget():
    assert allocate(np.zeros((2, 2)), [[1.0, 0.0], [0.0, 1.0]], 0.0).tolist() == [1, 0]


def test_too_small_a_budget_says_what_is_needed():
    with pytest.raises(ValueError, match=r"at least 3, .*Received: 2.9"):
        allocate([[2.0, 1.0], [5.0, 2.0]], np.zeros((2, 2)), 2.9)
