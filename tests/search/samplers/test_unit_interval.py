import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

from tfsparse.search.samplers.unit_interval import from_unit, to_unit

VALUES = {
    IntDistribution(3, 11): range(3, 12),
    IntDistribution(8, 64, step=8): range(8, 65, 8),
    IntDistribution(1, 100, log=True): range(1, 101),
    FloatDistribution(-1, 1, step=0.1): [-1 + 0.1 * i for i in range(21)],
    CategoricalDistribution(("a", 2, None)): ("a", 2, None),
}
CONTINUOUS = (FloatDistribution(-2, 5), FloatDistribution(1e-5, 1e-1, log=True))


@pytest.mark.parametrize("distribution", VALUES, ids=str)
def test_every_value_has_an_interval_with_its_number_inside(distribution):
    numbers = [to_unit(distribution, value) for value in VALUES[distribution]]
    assert numbers == sorted(set(numbers))
    assert 0 < numbers[0] < numbers[-1] < 1
    assert [from_unit(distribution, number) for number in numbers] == list(VALUES[distribution])
    assert from_unit(distribution, 0.0) == VALUES[distribution][0]
    assert from_unit(distribution, 1.0) == VALUES[distribution][-1]


def test_steps_and_choices_are_equally_likely():
    for distribution in (IntDistribution(0, 3), CategoricalDistribution((0, 1, 2, 3))):
        values = [from_unit(distribution, (i + 0.5) / 100) for i in range(100)]
        assert [values.count(value) for value in range(4)] == [25] * 4


@pytest.mark.parametrize("distribution", CONTINUOUS, ids=str)
@given(number=st.floats(0, 1))
def test_continuous_values_are_kept(distribution, number):
    value = from_unit(distribution, number)
    assert distribution.low <= value <= distribution.high
    assert math.isclose(to_unit(distribution, value), number, abs_tol=1e-12)


def test_logarithmic_ranges_have_their_geometric_mean_in_the_middle():
    assert math.isclose(from_unit(CONTINUOUS[1], 0.5), 1e-3)
