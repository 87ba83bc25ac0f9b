import numpy as np
import pytest

import tfsparse


def test_each_variable_has_three_values():
    values = [np.float32(np.random.default_rng(0).normal(size=(30, 7)) * s) for s in (1, 100)]
    way = tfsparse.TernGrad()
    for value, found in zip(values, way.decode(way.encode(values), values), strict=True):
        sizes = np.unique(np.abs(found))
        assert len(sizes) == 2
        assert sizes[0] == 0
        limit = 2.5 * np.sqrt(np.mean(value**2))
        assert sizes[1] == pytest.approx(min(limit, np.abs(value).max()), rel=1e-6)
        assert (found * value >= 0).all()


def test_clipping_makes_outliers_smaller():
    value = np.ones(1000, np.float32)
    value[0] = 100
    limit = 2.5 * np.sqrt(np.mean(value**2))
    for clip, largest in ((2.5, limit), (None, 100)):
        way = tfsparse.TernGrad(clip)
        (found,) = way.decode(way.encode([value]), [value])
        assert found[0] == pytest.approx(largest, rel=1e-6)


def test_a_single_weight_keeps_its_gradient():
    way = tfsparse.TernGrad()
    (found,) = way.decode(way.encode([np.float32([-3])]), [np.zeros(1)])
    assert found == [-3]


def test_five_values_are_a_byte_at_most():
    value = np.float32(np.random.default_rng(0).uniform(-1, 1, 100_000))
    assert len(tfsparse.TernGrad().encode([value])) < 1.01 * 100_000 / 5


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"clip": 0.5}, ValueError, "Expected clip to be a float of at least 1. Received: 0.5"),
        ({"clip": "2"}, TypeError, "Expected clip"),
        ({"seed": -1}, ValueError, "Expected seed to be an int of at least 0"),
    ],
)
def test_arguments_out_of_range_are_refused(arguments, error, message):
    with pytest.raises(error, match=message):
        tfsparse.TernGrad(**arguments)
