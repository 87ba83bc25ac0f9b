"""Codes that leave the outputs of a layer nearly as they are."""

import itertools

import numpy as np
import pytest

from tfsparse.quantize.code_fitting import fit_codes
from tfsparse.quantize.powers_of_two import project

RNG = np.random.default_rng(0)
BINARY, TERNARY = (-1, 1), (-1, 0, 1)


def correlated(inputs, samples=200):
    """The Gram matrix of inputs that have much in common, as neighbouring pixels have."""
    common = RNG.normal(size=(samples, max(1, inputs // 4)))
    x = common @ RNG.normal(size=(common.shape[1], inputs)) + RNG.normal(size=(samples, inputs))
    return x.T @ x


def errors(gram, weights, scales, codes):
    difference = weights - scales * codes
    return np.sum(difference * (gram @ difference), axis=0)


@pytest.mark.parametrize("codes", [BINARY, TERNARY])
def test_they_are_nearly_the_best_of_all(codes):
    gram, weights = correlated(6), RNG.normal(size=(6, 20))
    found = errors(gram, weights, *fit_codes(gram, weights, codes))
    every = np.array([b for b in itertools.product(codes, repeat=6) if any(b)]).T
    along = every.T @ gram @ weights
    sizes = np.sum(every * (gram @ every), axis=0)[:, None]
    least = np.sum(weights * (gram @ weights), axis=0) - (along**2 / sizes).max(axis=0)
    assert np.all(found >= least - 1e-6 * np.abs(least))
    assert np.median(found / least) < 1.01
    assert np.mean(found / least) < 1.5


@pytest.mark.parametrize("codes", [BINARY, TERNARY])
def test_no_other_code_and_no_other_scale_is_better(codes):
    gram, weights = correlated(30), RNG.normal(size=(30, 8))
    scales, found = fit_codes(gram, weights, codes)
    least = errors(gram, weights, scales, found)
    for factor in (0.999, 1.001):
        assert np.all(errors(gram, weights, factor * scales, found) > least)
    for i in range(30):
        for code in codes:
            other = found.copy()
            other[i] = code
            assert np.all(errors(gram, weights, scales, other) > least - 1e-2 * np.abs(least))


@pytest.mark.parametrize("codes", [BINARY, TERNARY])
def test_they_change_outputs_less_than_the_nearest_weights_do(codes):
    gram, weights = correlated(64), RNG.normal(size=(64, 16))
    found = errors(gram, weights, *fit_codes(gram, weights, codes)).sum()
    nearest = errors(gram, weights, *fit_codes(np.eye(64), weights, codes)).sum()
    assert found < 0.5 * nearest


@pytest.mark.parametrize("gram", [np.eye(40), 7 * np.eye(40), np.zeros((40, 40))])
def test_without_inputs_they_are_those_of_the_nearest_weights(gram):
    weights = RNG.normal(size=(40, 5)).astype(np.float32)
    scales, found = fit_codes(gram, weights, TERNARY)
    for i in range(5):
        rounded, codes = project(weights[:, i], 2)
        np.testing.assert_array_equal(found[:, i], codes)
        np.testing.assert_allclose(scales[i] * found[:, i], rounded, rtol=1e-5)
    scales, found = fit_codes(gram, weights, BINARY)
    np.testing.assert_array_equal(found, np.sign(weights))
    np.testing.assert_allclose(scales, np.abs(weights).mean(axis=0), rtol=1e-5)


def test_outputs_without_weights_stay_zero():
    scales, codes = fit_codes(correlated(4), np.zeros((4, 2)), BINARY)
    np.testing.assert_array_equal(scales * codes, 0)
