import numpy as np
import pytest

from tfsparse.inspection import zeros
from tfsparse.inspection.zeros import Zeros, find_zeros

RNG = np.random.default_rng(0)


def weights(outputs=32, inputs=48, kernel=(1, 1)):
    return RNG.uniform(0.5, 1, (outputs, *kernel, inputs)).astype(np.float32)


def in_blocks(outputs, inputs, shape=(32, 48)):
    kept = RNG.random((shape[0] // outputs, shape[1] // inputs)) < 0.3
    mask = np.repeat(np.repeat(kept, outputs, 0), inputs, 1)
    return weights(*shape) * mask[:, None, None]


def of_patterns():
    """3x3 kernels that keep four weights by one of two patterns, a third of them dropped whole."""
    patterns = np.zeros((3, 9), bool)
    patterns[0, [0, 1, 3, 4]] = patterns[1, [4, 5, 7, 8]] = True
    chosen = patterns[RNG.integers(0, 3, (32, 48))]
    return weights(kernel=(3, 3)) * chosen.transpose(0, 2, 1).reshape(32, 3, 3, 48)


def whole_kernels():
    return weights(kernel=(3, 3)) * (RNG.random((32, 1, 1, 48)) < 0.4)


def whole_channels():
    values = weights()
    values[RNG.permutation(32)[:8]] = 0
    values[..., RNG.permutation(48)[:12]] = 0
    return values


def two_of_four():
    order = RNG.random((32, 1, 1, 12, 4)).argsort(axis=-1)
    return weights() * (order < 2).reshape(32, 1, 1, 48)


@pytest.mark.parametrize(
    ("values", "structure"),
    [
        (weights(), ""),
        (np.zeros((4, 4)), ""),
        (weights() * (RNG.random((32, 1, 1, 48)) < 0.3), "unstructured"),
        (in_blocks(4, 1), "4x1 blocks"),
        (in_blocks(2, 1), "2x1 blocks"),
        (in_blocks(1, 4), "1x4 blocks"),
        (in_blocks(1, 16), "1x16 blocks"),
        (in_blocks(4, 4), "4x4 blocks"),
        (in_blocks(4, 1)[:30], "4x1 blocks"),
        (in_blocks(4, 4)[:30, ..., :46], "4x4 blocks"),
        (in_blocks(1, 4) * (RNG.random((32, 1, 1, 48)) >= 0.05), "1x4 blocks"),
        (weights() * (RNG.random((32, 1, 1, 48)) < 0.95), "unstructured"),
        (weights() * (RNG.random((32, 1, 1, 48)) < 0.05), "unstructured"),
        (of_patterns(), "2 patterns of 4 in 9"),
        (whole_kernels(), "whole kernels"),
        (whole_channels(), "whole channels"),
        (two_of_four(), "2 of 4"),
    ],
)
@pytest.mark.parametrize("chunk", [100, 1 << 22])
def test_the_structure_is_found_however_the_weights_are_cut(values, structure, chunk, monkeypatch):
    monkeypatch.setattr(zeros, "CHUNK", chunk)
    found = find_zeros(values)
    assert found.structure == structure
    assert found.zeros == np.count_nonzero(values == 0)
    assert found.sparsity == pytest.approx(np.mean(values == 0))


def test_dead_channels_are_counted():
    found = find_zeros(whole_channels())
    assert (found.zero_outputs, found.zero_inputs) == (8, 12)


def test_a_tensor_without_elements_has_no_zeros():
    assert Zeros(0, 0).sparsity == 0
