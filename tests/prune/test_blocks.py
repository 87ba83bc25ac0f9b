import numpy as np
import pytest

from tfsparse.prune import blocks, magnitude


def test_a_block_is_worth_its_mean_magnitude():
    weights = np.array([[1.0, -3.0, 0.0, 1.0, 5.0], [0.0, 0.0, 2.0, 2.0, -0.5]])
    np.testing.assert_allclose(
        blocks.block_magnitudes(weights, (1, 2)), [[2.0, 0.5, 5.0], [0.0, 2.0, 0.5]]
    )
    np.testing.assert_allclose(
        blocks.block_magnitudes(weights, (4, 1)), [[0.5, 1.5, 1.0, 1.5, 2.75]]
    )
    np.testing.assert_allclose(blocks.block_magnitudes(weights, (4, 4)), [[1.125, 2.75]])


def test_blocks_cover_a_number_of_channels_that_is_no_multiple():
    keep = np.array([[True, False], [False, True]])
    np.testing.assert_array_equal(
        blocks.spread_blocks(keep, (2, 5), (1, 4)),
        [[True] * 4 + [False], [False] * 4 + [True]],
    )
    np.testing.assert_array_equal(
        blocks.spread_blocks(keep, (5, 2), (4, 1)), [[True, False]] * 4 + [[False, True]]
    )


@pytest.mark.parametrize("block_shape", [(1, 1), (1, 2), (1, 4), (4, 1), (4, 4)])
@pytest.mark.parametrize("shape", [(1, 1, 8, 16), (3, 3, 4, 6), (3, 3, 3, 5), (10, 7), (5, 1)])
def test_the_channels_of_a_block_share_a_pattern(shape, block_shape):
    block_shape = (1,) * (len(shape) - 2) + block_shape
    weights = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    scores = blocks.block_magnitudes(weights, block_shape)
    assert scores.dtype == np.float32
    keep = magnitude.keep_largest(scores, 0.5)
    mask = blocks.spread_blocks(keep, shape, block_shape)
    assert mask.shape == shape
    np.testing.assert_array_equal(blocks.first_of_blocks(mask, block_shape), keep)
    for index in np.ndindex(*keep.shape):
        block = mask[
            tuple(slice(i * n, (i + 1) * n) for i, n in zip(index, block_shape, strict=True))
        ]
        assert np.all(block == keep[index])


@pytest.mark.parametrize(
    ("given", "pair"),
    [(1, (1, 1)), (4, (4, 1)), ((1, 4), (1, 4)), ([2, 4], (2, 4)), ((4, 4), (4, 4))],
)
def test_an_int_is_a_number_of_output_channels(given, pair):
    assert blocks.checked_block_size(given) == pair


@pytest.mark.parametrize(
    "given", [0, 3, True, 4.0, "4", None, (4,), (1, 2), (3, 4), (1, 4, 1), (1, "4")]
)
def test_other_sizes_are_refused(given):
    with pytest.raises(ValueError, match=r"block_size to be 1, 2 or 4 .*such as \(1, 4\)") as error:
        blocks.checked_block_size(given)
    assert repr(given) in str(error.value)
