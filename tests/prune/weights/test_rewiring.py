"""Which layers get how many connections, and which of them move."""

import numpy as np
import pytest

from tfsparse.prune.weights.distribution import erdos_renyi_kernel
from tfsparse.prune.weights.rewiring import first_mask, rewire

RESNET = [(3, 3, 16, 16), (3, 3, 16, 32), (1, 1, 16, 32), (3, 3, 64, 64), (64, 10)]


@pytest.mark.parametrize("sparsity", [0.0, 0.05, 0.5, 0.8, 0.9, 0.98])
def test_erdos_renyi_kernel_has_the_sparsity_in_total(sparsity):
    sizes = np.array([np.prod(shape) for shape in RESNET])
    sparsities = np.array(erdos_renyi_kernel(RESNET, sparsity))
    assert np.all((sparsities >= 0) & (sparsities < 1))
    assert sparsities @ sizes == pytest.approx(sparsity * sizes.sum())
    densities = 1 - sparsities
    scale = densities * sizes / [sum(shape) for shape in RESNET]
    free = sparsities > 0
    np.testing.assert_allclose(scale[free], scale[free].max(initial=1))
    # A dense layer is one that would get more than all of its weights.
    assert np.all(scale[~free] <= scale[free].max(initial=np.inf))


def test_erdos_renyi_kernel_by_hand():
    # Densities of 16/64 and 64/1024 times epsilon, which is a budget of 108.8 over 16 + 64.
    assert erdos_renyi_kernel([(8, 8), (32, 32)], 0.9) == pytest.approx([0.66, 0.915])


@pytest.mark.parametrize("zeros", [0, 20, 70, 90, 100])
def test_first_mask_keeps_what_is_not_zero(zeros):
    rng = np.random.default_rng(zeros)
    scores = rng.permutation(np.where(np.arange(100) < zeros, 0, 1)).reshape(10, 10)
    keep = first_mask(scores, 0.7, rng)
    assert np.sum(keep) == 30
    assert np.sum(keep & (scores != 0)) == min(30, 100 - zeros)


def test_first_mask_never_prunes_everything():
    assert np.sum(first_mask(np.zeros((2, 2)), 0.9, np.random.default_rng(0))) == 1


def test_rewire_counts_a_kept_zero_as_kept():
    """As one that has just grown is: without a fraction to move it stays where it is."""
    keep = np.array([False, True, True, False])
    for fraction in (0.0, 0.5):
        new = rewire(keep, np.zeros(4), np.array([0.1, 0.4, 0.3, 0.2]), fraction)
        np.testing.assert_array_equal(new, keep)


def test_rewire_drops_the_smallest_and_grows_the_largest():
    rng = np.random.default_rng(0)
    for _ in range(100):
        size = rng.integers(1, 60)
        keep = rng.random(size) < rng.random()
        magnitudes = np.where(keep, rng.random(size) + 0.1, 0)
        growth, fraction = rng.random(size), rng.random()
        new = rewire(keep, magnitudes, growth, fraction)
        assert np.sum(new) == np.sum(keep)
        moved = round(fraction * np.sum(keep))
        order = np.argsort(np.where(keep, magnitudes, np.inf))
        dropped = order[:moved]
        stays = keep.copy()
        stays[dropped] = False
        assert np.all(new[stays])
        others = np.flatnonzero(~stays)
        grown = others[np.argsort(growth[others])[len(others) - moved :]]
        assert set(np.flatnonzero(new & ~stays)) == set(grown)
