import numpy as np
import pytest

from tfsparse.prune.weights.sensitivity import LayerSensitivity, Sensitivity
from tfsparse.search.losses import PRIOR, Coefficients, levels, losses

SENSITIVITY = Sensitivity(
    "loss",
    1.0,
    False,
    (0.5, 0.9),
    (
        LayerSensitivity("a", 10, (1.1, 5.0)),
        LayerSensitivity("b", 10, (0.9, 1.4)),
        LayerSensitivity("c", 10, (2.0, float("nan"))),
    ),
)
PLAIN = Coefficients(exponent=1.0)


def loss(names, sparsities, coefficients=PLAIN):
    found = losses(SENSITIVITY, names, np.array(sparsities), coefficients)
    return found - PRIOR * np.square(sparsities) if coefficients == PLAIN else found


def test_losses_are_fractions_of_the_largest_and_never_fall():
    found = loss(["a", "b", "c"], [0, 0.5, 0.9])
    np.testing.assert_allclose(found[0], [0, 0.1 / 4, 1])
    # Pruning half of b has made the model better, by chance.
    np.testing.assert_allclose(found[1], [0, 0, 0.4 / 4], atol=1e-12)
    # A model that is destroyed loses as much as the worst.
    np.testing.assert_allclose(found[2], [0, 1 / 4, 1])


def test_losses_between_are_interpolated():
    np.testing.assert_allclose(loss(["a"], [0.25, 0.7])[0], [0.0125, (0.025 + 1) / 2])


def test_less_sparsity_is_better_where_nothing_is_lost():
    found = losses(SENSITIVITY, ["b"], np.array([0.2, 0.4, 0.5]), PLAIN)[0]
    assert np.all(np.diff(found) > 0)


def test_an_exponent_below_one_evens_losses_out():
    plain, even = (
        losses(SENSITIVITY, ["a", "b"], np.array([0.9]), Coefficients(exponent=exponent))
        for exponent in (1.0, 0.25)
    )
    assert even[0] / even[1] < plain[0] / plain[1]


def test_multipliers_are_interpolated_over_depth():
    plain = losses(SENSITIVITY, ["a", "b", "c"], np.array([0.9]), PLAIN)
    found = losses(SENSITIVITY, ["a", "b", "c"], np.array([0.9]), Coefficients(1.0, 1.0, 0, -1.0))
    np.testing.assert_allclose(found / plain, np.exp([[1.0], [0], [-1.0]]))


@pytest.mark.parametrize("most", [0.5, 0.95])
def test_levels_go_from_dense_to_the_most(most):
    found = levels(most)
    assert found[0] == 0
    assert found[1] == pytest.approx(0.3)
    assert found[-1] == pytest.approx(most)
    density = 1 - found[1:]
    np.testing.assert_allclose(density[1:] / density[:-1], density[1] / density[0])
