import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from tfsparse.prune import magnitude


def test_the_smallest_magnitudes_are_pruned():
    weights = np.array([[0.1, -3.0], [-0.2, 0.3]])
    keep = magnitude.keep_largest(np.abs(weights), 0.5)
    np.testing.assert_array_equal(keep, [[False, True], [False, True]])


@settings(deadline=None)  # a machine under load is slow, not wrong
@given(scores=st.lists(st.integers(0, 3), min_size=1, max_size=60), sparsity=st.floats(0, 1 - 1e-9))
def test_the_count_is_exact_whatever_the_ties(scores, sparsity):
    scores = np.array(scores, np.float32)
    keep = magnitude.keep_largest(scores, sparsity)
    assert np.sum(~keep) == min(round(sparsity * scores.size), scores.size - 1)
    if not keep.all():
        assert scores[~keep].max() <= scores[keep].min()
    np.testing.assert_array_equal(keep, magnitude.keep_largest(scores, sparsity))


@settings(deadline=None)  # a machine under load is slow, not wrong
@given(
    layers=st.lists(st.lists(st.integers(0, 9), min_size=1, max_size=30), min_size=1, max_size=5),
    sparsity=st.floats(0, 1 - 1e-9),
)
def test_all_layers_together_have_the_sparsity_and_none_is_empty(layers, sparsity):
    scores = [np.array(layer, np.float32) for layer in layers]
    keeps = magnitude.keep_largest_of_all(scores, sparsity)
    total = sum(s.size for s in scores)
    assert sum(np.sum(~keep) for keep in keeps) == min(round(sparsity * total), total - len(scores))
    assert all(keep.any() for keep in keeps)
    assert [keep.shape for keep in keeps] == [s.shape for s in scores]


def test_a_layer_of_small_weights_keeps_its_largest():
    small, large = np.array([0.1, 0.3, 0.2]), np.full(3, 5.0)
    small_keep, large_keep = magnitude.keep_largest_of_all([small, large], 0.5)
    np.testing.assert_array_equal(small_keep, [False, True, False])
    assert np.sum(large_keep) == 2


def test_layers_are_compared_with_each_other():
    small, large = np.full((2, 2), 0.1), np.full((2, 2), 5.0)
    small_keep, large_keep = magnitude.keep_largest_of_all([small, large], 0.375)
    assert np.sum(small_keep) == 1
    assert large_keep.all()
