"""What is measured before trials, of files that are made up."""

import dataclasses
import types

import pytest

from tests.search.test_cost_table import TABLE
from tests.search.test_plan import PLAN
from tfsparse.search.losses import Coefficients
from tfsparse.search.preparation import Ruler, check_table
from tfsparse.search.targets import Target

BYTES = 1e7  # of a file that costs 1, in the unit of the table
OFF = 1.1  # what pruned files cost over what the table says


@pytest.fixture
def asked():
    """The sparsities of the files that a ruler has asked for."""
    return []


@pytest.fixture
def ruler(asked):
    def variant(sparsities, block_size):
        asked.append(tuple(sparsities))
        return bytes(round(OFF * BYTES * TABLE.cost(dict(zip("ab", sparsities, strict=True)))))

    files = types.SimpleNamespace(
        layers=TABLE.layers,
        weights="float32",
        pruned="weights",
        dense=bytes(round(BYTES * TABLE.dense)),
        variant=variant,
    )
    return Ruler(files, "size", (1, 1), 1, is_here=True, reference=files)


def test_the_sum_is_corrected_by_what_it_is_off_with_given_coefficients(ruler, asked):
    coefficients = Coefficients(exponent=1.0, first=1.5, last=-1.5)
    plan = ruler.corrected(PLAN, 2.8e-3, TABLE.dense, coefficients)
    assert plan.correction == pytest.approx(OFF, rel=1e-3)
    of_last = plan.sparsities(2.8e-3, coefficients)
    assert asked[-1] == (of_last["a"], of_last["b"])
    assert of_last != plan.sparsities(2.8e-3, Coefficients())


def test_what_another_device_costs_is_taken_as_it_is(ruler, asked):
    ruler._is_here = False
    assert ruler.corrected(PLAN, 4e-3, TABLE.dense) is PLAN
    assert ruler.share(b"") is None


def test_a_table_of_channels_is_not_for_weights(ruler):
    target = Target("size", fraction=0.5)
    table = dataclasses.replace(TABLE, quantity="size")
    check_table(table, ruler, target)
    with pytest.raises(ValueError, match=r"pruned 'weights', as is searched .* 'channels'"):
        check_table(dataclasses.replace(table, pruned="channels"), ruler, target)
