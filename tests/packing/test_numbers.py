import numpy as np
import pytest

from tests.converter.single_op import pruned
from tests.packing.archives import unpack_array
from tfsparse.packing import numbers

DTYPES = (np.int8, np.float16, np.int32, np.float32, np.int64, np.float64)


def check(array, **options):
    again, coding = unpack_array(array, **options)
    np.testing.assert_array_equal(again.view(np.uint8), array.view(np.uint8))
    return coding


def flags_of(coding):
    return coding.encode()[1]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("sparsity", [0, 0.5, 0.95, 1])
def test_the_decoder_gives_the_array_again(dtype, sparsity):
    rng = np.random.default_rng(0)
    values = rng.normal(0, 30, 3000) * (rng.random(3000) >= sparsity)
    check(values.astype(dtype))


@pytest.mark.parametrize("last", [0, 253, 254, 255, 509, 510, 511, 2999])
def test_gaps_of_every_length(last):
    array = np.zeros(3000, np.int8)
    array[0], array[last] = 3, 5
    assert flags_of(check(array)) & numbers._SPARSE


@pytest.mark.parametrize("block", [1, 2, 4, 8, 16])
def test_blocks_of_neighbours_are_found(block):
    rng = np.random.default_rng(0)
    kept = np.repeat(rng.random(65_536 // block) < 0.2, block)
    array = np.where(kept, rng.integers(1, 100, len(kept)), 0).astype(np.int8)
    assert check(array).encode()[2] == block


def test_shared_values_take_codes():
    rng = np.random.default_rng(0)
    centroids = rng.normal(size=15).astype(np.float32)
    array = np.where(rng.random(200_000) < 0.1, centroids[rng.integers(0, 15, 200_000)], 0)
    coding = check(array.astype(np.float32))
    assert flags_of(coding) == numbers._SPARSE | numbers._CODEBOOK
    # A gap has an entropy of 4.7 bits, a code of 3.9.
    assert len(coding.encode()) < 20_000 * 8.7 / 8 + 200


def test_minus_zero_and_nan_keep_their_bits():
    array = np.zeros(1000, np.float32)
    array[::50] = -0.0
    array[7] = np.nan
    check(array)


def test_indices_are_stored_as_differences():
    indices = np.concatenate(
        [np.sort(np.random.default_rng(i).permutation(900)[:90]) for i in range(40)]
    )
    coding = check(indices.astype(np.uint16), is_index=True)
    assert flags_of(coding) & numbers._DIFFERENCES
    # A difference has an entropy of 4.7 bits.
    assert len(coding.encode()) < 3600 * 5.5 / 8


def test_a_sparse_layer_takes_little_more_than_its_entropy():
    weights = pruned((256, 512), 0.8)
    array = np.round(weights / np.abs(weights).max() * 127).astype(np.int8)
    stored = array[array != 0]
    probabilities = np.bincount(stored.view(np.uint8)) / len(stored)
    values = -sum(p * np.log2(p) for p in probabilities if p) * len(stored)
    density = len(stored) / array.size
    places = -(density * np.log2(density) + (1 - density) * np.log2(1 - density)) * array.size
    assert len(check(array).encode()) < 1.02 * (values + places) / 8
