"""Which patterns there are, which a network gets, and what they leave of it."""

import math

import numpy as np
import pytest

from tfsparse.prune.weights.kernel_patterns import all_patterns, most_frequent, nearest


@pytest.mark.parametrize("entries", range(1, 10))
def test_every_pattern_keeps_the_centre(entries):
    patterns = all_patterns(entries)
    assert len({tuple(pattern) for pattern in patterns}) == math.comb(8, entries - 1)
    assert np.all(patterns.sum(axis=1) == entries)
    assert np.all(patterns[:, 4])


def test_most_frequent_counts_kernels_that_are_not_zero():
    patterns = all_patterns(4)
    rng = np.random.default_rng(0)
    chosen = [7] * 9 + [30] * 5 + [2] * 3 + [50]
    kernels = patterns[chosen].T * rng.uniform(0.5, 1, (9, len(chosen)))
    zeros = np.zeros((9, 40))
    layers = kernels[:, :10], np.concatenate([kernels[:, 10:], zeros], axis=1)
    layers = [layer.reshape(3, 3, 2, -1) for layer in layers]
    np.testing.assert_array_equal(most_frequent(layers, 3, 4), patterns[[7, 30, 2]])


@pytest.mark.parametrize("pruning_ratio", [0.0, 0.3, 0.9])
def test_nearest_loses_least_of_all_masks_in_the_set(pruning_ratio):
    rng = np.random.default_rng(0)
    kernel = rng.normal(size=(3, 3, 4, 5))
    library = all_patterns(4)[rng.permutation(56)[:8]]
    mask = nearest(kernel, library, pruning_ratio)
    columns = mask.reshape(9, 20)
    removed = ~columns.any(axis=0)
    assert removed.sum() == round(pruning_ratio * 20)
    allowed = {tuple(pattern) for pattern in library}
    assert {tuple(column) for column in columns.T[~removed]} <= allowed
    kept = np.sum(np.square(kernel)[mask])
    best = np.sort((library @ np.square(kernel.reshape(9, 20))).max(axis=0))
    assert kept == pytest.approx(best[removed.sum() :].sum(), rel=1e-5)
    np.testing.assert_array_equal(nearest(kernel * mask, library, pruning_ratio), mask)


@pytest.mark.parametrize("block_size", [2, 4])
def test_blocks_of_output_channels_share_a_pattern(block_size):
    rng = np.random.default_rng(0)
    weights = rng.normal(size=(3, 3, 4, 10))
    library = most_frequent([weights], 8, 4, (1, 1, 1, block_size))
    mask = nearest(weights, library, 0.5, (1, 1, 1, block_size))
    firsts = mask[..., ::block_size]
    np.testing.assert_array_equal(mask, np.repeat(firsts, block_size, axis=-1)[..., :10])
    removed = ~firsts.any(axis=(0, 1))
    assert removed.sum() == round(0.5 * removed.size)
    blocks = np.square(weights[..., :block_size]).sum(axis=-1).reshape(9, 4)
    best = library[np.argmax(library @ blocks, axis=0)]
    chosen = mask[..., 0].reshape(9, 4).T
    kept = chosen.any(axis=1)
    assert kept.any()
    np.testing.assert_array_equal(chosen[kept], best[kept])


def test_blocks_of_input_channels_share_a_pattern():
    weights = np.random.default_rng(0).normal(size=(3, 3, 10, 4))
    block_shape = (1, 1, 4, 1)
    mask = nearest(weights, most_frequent([weights], 8, 4, block_shape), 0.5, block_shape)
    firsts = mask[:, :, ::4]
    np.testing.assert_array_equal(mask, np.repeat(firsts, 4, axis=2)[:, :, :10])
    removed = ~firsts.any(axis=(0, 1))
    assert removed.sum() == round(0.5 * removed.size)
