import keras
import numpy as np
import pytest

from tfsparse.graph import multiply_adds, trace

L = keras.layers


def group_of(graph, *producers):
    """Returns the one group that these layers, and no others, make."""
    (group,) = (g for g in graph.groups if [p.layer.name for p in g.producers] == [*producers])
    return group


def places(places):
    return {(p.layer.name, p.weight, p.axis): p.indices.tolist() for p in places}


def single(indices):
    return [[i] for i in indices]


def sequential(*layers, shape=(4, 4, 3)):
    return keras.Sequential([L.Input(shape), *layers])


def test_a_convolution_its_normalization_and_its_reader_are_one_group():
    model = sequential(
        L.Conv2D(5, 3, name="a"),
        L.BatchNormalization(name="bn"),
        L.ReLU(),
        L.Conv2D(2, 1, name="b"),
    )
    graph = trace(model)
    group = group_of(graph, "a")
    every = single(range(5))
    assert group.size == 5
    assert group.frozen is None
    assert group.layers == ["a", "bn", "b"]
    assert places(group.producers) == {("a", "kernel", 3): every}
    statistics = "gamma", "beta", "moving_mean", "moving_variance"
    assert places(group.followers) == {
        ("a", "bias", 0): every,
        **{("bn", weight, 0): every for weight in statistics},
    }
    assert places(group.consumers) == {("b", "kernel", 2): every}
    assert group_of(graph, "b").frozen == "an output of the model"


def test_flatten_gives_a_channel_many_rows():
    graph = trace(sequential(L.Conv2D(2, 3, name="a"), L.Flatten(), L.Dense(1, name="b")))
    (place,) = group_of(graph, "a").consumers
    assert place.indices.tolist() == [[0, 2, 4, 6], [1, 3, 5, 7]]
    kernel = place.variable.numpy()
    np.testing.assert_array_equal(place.weights(), [kernel[0::2, 0], kernel[1::2, 0]])


def test_a_concatenation_is_read_range_by_range():
    inputs = L.Input((4, 4, 3))
    a = L.Conv2D(2, 1, name="a")(inputs)
    b = L.Conv2D(3, 1, name="b")(inputs)
    outputs = L.Conv2D(1, 1, name="c")(L.Concatenate()([a, b]))
    graph = trace(keras.Model(inputs, outputs))
    assert places(group_of(graph, "a").consumers) == {("c", "kernel", 2): [[0], [1]]}
    assert places(group_of(graph, "b").consumers) == {("c", "kernel", 2): [[2], [3], [4]]}


def test_multiply_adds():
    model = sequential(
        L.Conv2D(6, 3, padding="same", name="a"),  # 16 positions, 9 * 3 * 6
        L.DepthwiseConv2D(3, depth_multiplier=2, name="b"),  # 4 positions, 9 * 12
        L.SeparableConv2D(4, 2, name="c"),  # 1 position, 4 * 12 and 12 * 4
        L.Flatten(),
        L.Dense(7, name="d"),  # 4 * 7
    )
    assert multiply_adds(model) == 16 * 162 + 4 * 108 + 48 + 48 + 28
    graph = trace(model)
    removed = {group_of(graph, "a"): [0, 1, 5], group_of(graph, "c"): np.array([True, False] * 2)}
    assert graph.multiply_adds(removed) == 16 * 81 + 4 * 54 + 24 + 12 + 14


def test_multiply_adds_need_a_fixed_height_and_width():
    model = sequential(L.Conv2D(2, 3), shape=(None, None, 3))
    with pytest.raises(ValueError, match="Input of a fixed shape"):
        multiply_adds(model)


def test_masks_cut_what_belongs_to_a_channel():
    model = sequential(
        L.Conv2D(3, 1, name="a"), L.BatchNormalization(name="bn"), L.Conv2D(2, 1, name="b")
    )
    graph = trace(model)
    masks = {v.path.partition("/")[2]: keep for v, keep in graph.masks({group_of(graph, "a"): [1]})}
    kept = np.array([True, False, True])
    assert sorted(masks) == ["a/bias", "a/kernel", "b/kernel", "bn/beta", "bn/gamma"]
    for path in "a/bias", "bn/beta", "bn/gamma":
        np.testing.assert_array_equal(masks[path], kept)
    np.testing.assert_array_equal(masks["a/kernel"], np.broadcast_to(kept, (1, 1, 3, 3)))
    np.testing.assert_array_equal(masks["b/kernel"][0, 0], np.broadcast_to(kept[:, None], (3, 2)))


def test_frozen_channels_cannot_be_removed():
    graph = trace(sequential(L.Dense(2, name="a"), shape=(3,)))
    with pytest.raises(ValueError, match="frozen: an output of the model"):
        graph.masks({group_of(graph, "a"): [0]})
