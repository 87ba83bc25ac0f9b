"""The best weights of one layer for a mask, and which to remove."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tfsparse.prune import magnitude
from tfsparse.prune.files import reconstruction
from tfsparse.prune.files.reconstruction import Moments, input_blocks


def layer(outputs=12, inputs=16, rows=400, seed=0):
    """Weights with a bias column, and rows of correlated inputs."""
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((rows, inputs)) @ rng.standard_normal((inputs, inputs))
    return rng.standard_normal((outputs, inputs + 1)), x.astype(np.float32)


def moments_of(x, x0=None, bias=True):
    moments = Moments(x.shape[1], bias)
    moments.add(x, x if x0 is None else x0)
    return moments


def error(weights, original, x, x0=None):
    """Mean square of what the outputs change by, over all rows."""
    ones = np.ones((len(x), 1))
    x0 = x if x0 is None else x0
    change = np.hstack([x, ones]) @ weights.T - np.hstack([x0, ones]) @ original.T
    return np.mean(np.sum(change**2, axis=1))


def smallest_removed(weights, sparsity):
    keep = np.ones(weights.shape, bool)
    keep[:, :-1] = magnitude.keep_largest(abs(weights[:, :-1]), sparsity)
    return keep


def test_moments_of_parts_are_those_of_the_whole():
    _, x = layer()
    whole, parts = moments_of(x), Moments(16, True)
    for part in np.split(x, [100, 350]):
        parts.add(part, part)
    np.testing.assert_allclose(parts.own, whole.own, rtol=1e-4, atol=1e-4)
    with_ones = np.column_stack([x, np.ones(len(x))])
    np.testing.assert_allclose(whole.own, with_ones.T @ with_ones / len(x), rtol=1e-4, atol=1e-4)


@settings(max_examples=20, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    sparsity=st.floats(0.1, 0.9),
    block_size=st.sampled_from([(1, 1), (2, 1), (4, 1), (1, 4), (4, 4)]),
    rows=st.sampled_from([1, 7, 400]),
)
def test_the_error_is_below_that_of_plain_magnitude(seed, sparsity, block_size, rows):
    weights, x = layer(seed=seed, rows=rows)
    pruned = reconstruction.prune(weights, moments_of(x), sparsity, block_size)
    zeros = pruned[:, :-1] == 0
    outputs, inputs = block_size
    size = outputs * inputs
    assert zeros.sum() == round(sparsity * zeros.size / size) * size
    blocks = zeros.reshape(-1, outputs, 16 // inputs, inputs)
    assert (blocks == blocks[:, :1, :, :1]).all(), "the channels of a block share a pattern"
    if block_size == (1, 1):
        plain = np.where(smallest_removed(weights, sparsity), weights, 0)
        assert error(pruned, weights, x) < error(plain, weights, x)


def test_the_remaining_weights_are_the_least_squares_solution(monkeypatch):
    monkeypatch.setattr(reconstruction, "DAMPING", 1e-9)
    weights, x = layer()
    x0 = x + 0.3 * np.random.default_rng(1).standard_normal(x.shape).astype(np.float32)
    pruned = reconstruction.prune(weights, moments_of(x, x0), 0.5)
    ones = np.ones((len(x), 1))
    for row, original in zip(pruned, weights, strict=True):
        kept = np.append(row[:-1] != 0, True)
        target = np.hstack([x0, ones]) @ original
        expected, *_ = np.linalg.lstsq(np.hstack([x, ones])[:, kept], target, rcond=None)
        np.testing.assert_allclose(row[kept], expected, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("removed", [0, 6])
def test_the_cost_of_a_removal_is_how_much_the_error_grows_by_it(removed):
    weights, x = layer()
    own = moments_of(x).own
    target, keep = own @ weights.T, np.ones(weights.shape, bool)
    keep[:, :removed] = False
    costs = reconstruction.removal_costs(own, target, keep, input_blocks(16, 16, 1))
    before = reconstruction.least_squares(own, target, keep)
    one = np.unravel_index(costs.argmax(), costs.shape)
    keep[one] = False
    after = reconstruction.least_squares(own, target, keep)
    growth = error(after, weights, x) - error(before, weights, x)
    np.testing.assert_allclose(costs[one], growth, rtol=1e-3)
    assert not costs[:, :removed].any()


def test_the_cost_of_a_block_is_how_much_the_error_grows_by_all_of_it():
    """Those of its weights alone do not say: inputs are correlated."""
    weights, x = layer()
    own = moments_of(x).own
    target, keep = own @ weights.T, np.ones(weights.shape, bool)
    keep[:, [4, 9]] = False  # Of two blocks some weights are gone.
    blocks = input_blocks(16, 16, 4)
    costs = reconstruction.removal_costs(own, target, keep, blocks)
    before = error(reconstruction.least_squares(own, target, keep), weights, x)
    for output, number in [(0, 0), (3, 1), (7, 2), (11, 3)]:
        without = keep.copy()
        without[output, blocks[number]] = False
        after = error(reconstruction.least_squares(own, target, without), weights, x)
        np.testing.assert_allclose(costs[output, number], after - before, rtol=1e-3)


def test_blocks_of_inputs_end_with_the_channels_of_a_position():
    np.testing.assert_array_equal(
        input_blocks(12, 6, 4), [[0, 1, 2, 3], [4, 5, -1, -1], [6, 7, 8, 9], [10, 11, -1, -1]]
    )
    weights, x = layer(inputs=12)
    pruned = reconstruction.prune(weights, moments_of(x), 0.5, (1, 4), channels=6)
    for position in np.split(pruned[:, :-1] == 0, 2, axis=1):
        for block in np.split(position, [4], axis=1):
            assert (block == block[:, :1]).all()


def test_weights_of_int8_are_multiples_of_the_step_of_their_output():
    weights, x = layer()
    steps = abs(weights[:, :-1]).max(axis=1) / 20  # coarse, so that rounding costs much
    free = reconstruction.prune(weights, moments_of(x), 0.5, (1, 4))
    bound = reconstruction.prune(weights, moments_of(x), 0.5, (1, 4), steps=steps)
    integers = bound[:, :-1] / steps[:, None]
    np.testing.assert_allclose(integers, np.round(integers), atol=1e-9)
    assert abs(integers).max() <= 127
    assert not bound[free == 0].any()


def test_rounded_weights_make_up_for_the_error_of_those_before():
    weights, x = layer()
    steps = abs(weights[:, :-1]).max(axis=1) / 20
    nearest = weights.copy()
    nearest[:, :-1] = steps[:, None] * np.round(weights[:, :-1] / steps[:, None])
    corrected = reconstruction.prune(weights, moments_of(x), 0.0, steps=steps)
    assert error(corrected, weights, x) < 0.7 * error(nearest, weights, x)


def test_a_layer_without_bias_and_without_zeros_stays_as_it_is():
    weights, x = layer()
    moments = moments_of(x, bias=False)
    kept = reconstruction.prune(weights[:, :-1], moments, 0.0)
    np.testing.assert_allclose(kept, weights[:, :-1], rtol=1e-6)


def test_what_is_zero_stays_zero_and_counts():
    weights, x = layer()
    weights[:, :12] = 0
    pruned = reconstruction.prune(weights, moments_of(x), 0.5)
    np.testing.assert_array_equal(pruned == 0, weights == 0)


@pytest.mark.parametrize("inputs", [np.zeros((50, 16)), np.eye(1, 16), np.full((9, 16), 3)])
def test_weights_of_inputs_that_never_come_stay_what_they_were(inputs):
    weights, _ = layer()
    moments = moments_of(inputs.astype(np.float32))
    pruned = reconstruction.prune(weights, moments, 0.5)
    assert np.isfinite(pruned).all()
    kept = pruned[:, 1:-1] != 0
    np.testing.assert_allclose(pruned[:, 1:-1][kept], weights[:, 1:-1][kept], rtol=1e-6)
