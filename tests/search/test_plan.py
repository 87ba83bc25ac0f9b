import dataclasses

import pytest

from tests.search.test_cost_table import TABLE
from tfsparse.prune.weights.sensitivity import LayerSensitivity, Sensitivity
from tfsparse.search.losses import Coefficients
from tfsparse.search.plan import Plan

SENSITIVITY = Sensitivity(
    "loss",
    1.0,
    False,
    (0.5, 0.9),
    (LayerSensitivity("a", 100, (1.0, 1.2)), LayerSensitivity("b", 50, (3.0, 9.0))),
)
PLAN = Plan(TABLE, SENSITIVITY)


@pytest.mark.parametrize("budget", [6e-3, 5e-3, 4e-3, 3e-3, 2.6e-3])
def test_the_cost_is_within_the_budget_and_near_it(budget):
    sparsities = PLAN.sparsities(budget, Coefficients())
    assert budget * 0.9 < PLAN.predicted(sparsities) <= budget


def test_the_sensitive_layer_stays_dense_while_it_can():
    assert PLAN.sparsities(3.2e-3, Coefficients())["b"] == 0
    assert PLAN.sparsities(2.6e-3, Coefficients())["b"] > 0


def test_a_layer_that_zeros_make_no_faster_stays_dense():
    plan = Plan(TABLE, dataclasses.replace(SENSITIVITY, layers=SENSITIVITY.layers[::-1]))
    slow = dataclasses.replace(TABLE.layers[1], costs=(1e-3, 1e-3, 1e-3))
    table = dataclasses.replace(TABLE, layers=(TABLE.layers[0], slow))
    plan = dataclasses.replace(plan, table=table)
    assert plan.sparsities(4e-3, Coefficients())["b"] == 0


def test_of_channels_only_numbers_are_chosen_that_were_measured():
    table = dataclasses.replace(TABLE, pruned="channels")
    plan = dataclasses.replace(PLAN, table=table)
    for budget in (5e-3, 4e-3, 3e-3):
        chosen = plan.sparsities(budget, Coefficients())
        assert set(chosen.values()) <= set(TABLE.sparsities)
        assert plan.predicted(chosen) <= budget


def test_a_correction_leaves_less_for_the_same_budget():
    corrected = dataclasses.replace(PLAN, correction=1.25)
    sparsities = corrected.sparsities(4e-3, Coefficients())
    assert corrected.predicted(sparsities) <= 4e-3
    assert TABLE.cost(sparsities) <= 4e-3 / 1.25


def test_less_than_there_is_gives_the_least():
    sparsities = PLAN.sparsities(1e-3, Coefficients())
    assert TABLE.cost(sparsities) == pytest.approx(TABLE.least)
