"""What tests of smaller models have in common."""

import numpy as np

import tfsparse
from tfsparse.graph import macs, trace


def randomize(model, seed=0):
    """Sets all weights so that nothing is zero by chance, statistics of BatchNormalization too."""
    rng = np.random.default_rng(seed)
    for layer in model._flatten_layers(include_self=False):
        for name in "gamma", "moving_variance":
            _assign(layer, name, lambda shape: rng.uniform(0.5, 1.5, shape))
        for name in "beta", "moving_mean", "bias":
            _assign(layer, name, lambda shape: rng.normal(0, 0.3, shape))


def _assign(layer, name, make):
    variable = getattr(layer, name, None)
    if hasattr(variable, "assign"):
        variable.assign(make(variable.shape))


def remove_channels(model, fraction=0.4, seed=0):
    """Zeroes random channels of every group; returns the MACs of those that remain."""
    rng = np.random.default_rng(seed)
    graph = trace(model)
    removed = {
        group: rng.permutation(group.size)[: int(fraction * group.size)]
        for group in graph.groups
        if not group.frozen
    }
    for variable, keep in graph.masks(removed):
        variable.assign(variable.numpy() * keep)
    return graph.macs(removed)


def kill_at_random(model, seed=0):
    """Zeroes whole slices of kernels along any axis, and single biases and gammas, at random."""
    rng = np.random.default_rng(seed)
    for variable in model.trainable_variables:
        keep = np.ones(variable.shape, bool)
        for axis in range(keep.ndim):
            np.moveaxis(keep, axis, 0)[rng.random(keep.shape[axis]) < 0.1] = False
        variable.assign(variable.numpy() * keep)


def assert_shrinks(model, cost=None, smaller=True):
    """Checks that a shrunk model computes the same with less; returns it.

    Args:
        model: Keras model with weights at random.
        cost: Int, the MACs it should have afterwards.
        smaller: Whether there is anything to take out.
    """
    assert np.std(_outputs(model)) > 0
    shrunk = assert_computes_the_same(model)
    assert (shrunk.count_params() < model.count_params()) == smaller
    assert (macs(shrunk) < macs(model)) == smaller
    if cost is not None:
        assert macs(shrunk) == cost
    return shrunk


def assert_computes_the_same(model):
    """Checks a shrunk model's outputs and layers, and that the model is left alone; returns it."""
    before = model.get_weights()
    expected = _outputs(model)
    shrunk = tfsparse.shrink(model)
    tolerance = 1e-5 * np.abs(expected).max()
    np.testing.assert_allclose(_outputs(shrunk), expected, atol=tolerance, rtol=0)
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(new, old)
    assert [x.name for x in shrunk.layers] == [x.name for x in model.layers]
    assert [type(x) for x in shrunk.layers] == [type(x) for x in model.layers]
    return shrunk


def _outputs(model):
    rng = np.random.default_rng(1)
    inputs = [rng.normal(size=(3, *x.shape[1:])).astype(np.float32) for x in model.inputs]
    outputs = model(inputs if len(inputs) > 1 else inputs[0], training=False)
    outputs = outputs if isinstance(outputs, list | tuple) else [outputs]
    return np.concatenate([np.ravel(x) for x in outputs])
