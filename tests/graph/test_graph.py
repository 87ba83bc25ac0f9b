import keras
import numpy as np
import pytest

from tfsparse.graph import macs, trace

L = keras.layers


def group_of(graph, *producers):
    """Returns the one group that these layers, and no others, make."""
    names = [sorted(place.layer.name for place in group.producers) for group in graph.groups]
    assert names.count(sorted(producers)) == 1
    return graph.groups[names.index(sorted(producers))]


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


def test_macs():
    model = sequential(
        L.Conv2D(6, 3, padding="same", name="a"),  # 16 positions, 9 * 3 * 6
        L.DepthwiseConv2D(3, depth_multiplier=2, name="b"),  # 4 positions, 9 * 12
        L.SeparableConv2D(4, 2, name="c"),  # 1 position, 4 * 12 and 12 * 4
        L.Flatten(),
        L.Dense(7, name="d"),  # 4 * 7
    )
    assert macs(model) == 16 * 162 + 4 * 108 + 48 + 48 + 28
    graph = trace(model)
    removed = {group_of(graph, "a"): [0, 1, 5], group_of(graph, "c"): np.array([True, False] * 2)}
    assert graph.macs(removed) == 16 * 81 + 4 * 54 + 24 + 12 + 14


def test_macs_need_a_fixed_height_and_width():
    model = sequential(L.Conv2D(2, 3), shape=(None, None, 3))
    with pytest.raises(ValueError, match="Input of a fixed shape"):
        macs(model)


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


def test_shared_layers_tie_their_groups():
    inputs = L.Input((4, 4, 3))
    a = L.Conv2D(2, 1, name="a")(inputs)
    b = L.Conv2D(2, 1, name="b")(inputs)
    shared = L.Conv2D(1, 1, name="c")
    outputs = L.Concatenate()([shared(a), shared(b)])
    graph = trace(keras.Model(inputs, outputs))
    assert group_of(graph, "a", "b").size == 2


def test_models_inside_models():
    inner = keras.Sequential([L.Input((4, 4, 5)), L.Conv2D(2, 1, name="b")], name="inner")
    model = sequential(L.Conv2D(5, 1, name="a"), inner, L.Conv2D(1, 1, name="c"))
    graph = trace(model)
    assert places(group_of(graph, "a").consumers) == {("b", "kernel", 2): single(range(5))}
    assert places(group_of(graph, "b").consumers) == {("c", "kernel", 2): single(range(2))}


def test_a_model_inside_may_leave_its_height_and_width_open():
    inner = keras.Sequential([L.Input((None, None, 5)), L.Conv2D(2, 3, name="b"), L.ReLU()])
    model = sequential(L.Conv2D(5, 1, name="a"), inner, L.Flatten(), L.Dense(1, name="c"))
    graph = trace(model)
    assert graph.macs() == 16 * 15 + 4 * 90 + 8
    assert group_of(graph, "b").consumers[0].indices.shape == (2, 4)


def test_a_layer_without_weights_may_be_shared_by_tensors_of_other_shapes():
    flatten = L.Flatten()
    inputs = L.Input((4, 4, 3))
    a, b = L.Conv2D(2, 1, name="a")(inputs), L.Conv2D(5, 2, name="b")(inputs)
    outputs = L.Dense(1)(L.Concatenate()([flatten(a), flatten(b)]))
    graph = trace(keras.Model(inputs, outputs))
    assert group_of(graph, "a").consumers[0].indices.shape == (2, 16)
    assert group_of(graph, "b").consumers[0].indices.shape == (5, 9)


MERGES = [
    L.Add(),
    L.Subtract(),
    L.Multiply(),
    L.Average(),
    L.Maximum(),
    L.Minimum(),
    L.Concatenate(axis=1),
    lambda x: x[0] + x[1],
    lambda x: x[0] * x[1] / 2.0,
]


@pytest.mark.parametrize("merge", MERGES, ids=lambda merge: type(merge).__name__)
def test_merged_channels_go_together(merge):
    inputs = L.Input((4, 4, 3))
    x = merge([L.Conv2D(2, 1, name="a")(inputs), L.Conv2D(2, 1, name="b")(inputs)])
    graph = trace(keras.Model(inputs, L.Conv2D(1, 1, name="c")(x)))
    group = group_of(graph, "a", "b")
    assert group.size == 2
    assert places(group.consumers) == {("c", "kernel", 2): [[0], [1]]}


@pytest.mark.parametrize("keepdims", [True, False], ids=["1x1", "flat"])
def test_the_gate_of_squeeze_and_excite_belongs_to_what_it_scales(keepdims):
    inputs = L.Input((4, 4, 3))
    x = L.Conv2D(4, 1, name="a")(inputs)
    gate = L.GlobalAveragePooling2D(keepdims=keepdims)(x)
    gate = gate if keepdims else L.Reshape((1, 1, 4))(gate)
    gate = L.Conv2D(2, 1, activation="relu", name="squeeze")(gate)
    gate = L.Conv2D(4, 1, name="excite")(gate)
    gate = keras.ops.relu6(gate + 3.0) * (1 / 6)
    outputs = L.Conv2D(1, 1, name="project")(L.Multiply()([x, gate]))
    graph = trace(keras.Model(inputs, outputs))
    group = group_of(graph, "a", "excite")
    assert group.size == 4
    assert [p.layer.name for p in group.consumers] == ["squeeze", "project"]
    assert group_of(graph, "squeeze").size == 2


def test_channels_at_one_position_of_each_convolution_group_go_together():
    model = sequential(
        L.Conv2D(6, 1, name="a"), L.Conv2D(8, 1, groups=2, name="b"), L.Conv2D(1, 1, name="c")
    )
    graph = trace(model)
    read, made = group_of(graph, "a"), group_of(graph, "b")
    assert places(read.producers) == {("a", "kernel", 3): [[0, 3], [1, 4], [2, 5]]}
    assert places(read.consumers) == {("b", "kernel", 2): single(range(3))}
    assert places(made.consumers) == {("c", "kernel", 2): [[0, 4], [1, 5], [2, 6], [3, 7]]}


@pytest.mark.parametrize(
    ("layer", "axis"),
    [(L.DepthwiseConv2D(1, depth_multiplier=2), 2), (L.Conv2D(6, 1, groups=3), 3)],
    ids=["depthwise", "grouped"],
)
def test_depthwise_convolutions_follow_their_input(layer, axis):
    graph = trace(sequential(L.Conv2D(3, 1, name="a"), layer, L.Conv2D(1, 1, name="c")))
    group = group_of(graph, "a")
    assert group.size == 3
    kernel = group.followers[1]
    assert (kernel.layer, kernel.weight, kernel.axis) == (layer, "kernel", axis)
    (reader,) = group.consumers
    assert reader.indices.tolist() == [[0, 1], [2, 3], [4, 5]]


def test_a_reshape_to_pictures_ties_the_units_of_a_channel():
    model = sequential(
        L.Dense(8, name="a"), L.Reshape((2, 2, 2)), L.Conv2D(1, 1, name="b"), shape=(3,)
    )
    group = group_of(trace(model), "a")
    assert places(group.producers) == {("a", "kernel", 1): [[0, 2, 4, 6], [1, 3, 5, 7]]}
    assert places(group.consumers) == {("b", "kernel", 2): [[0], [1]]}


def weight_standardized(*args, **kwargs):
    class Standardized(L.Conv2D):
        def convolution_op(self, inputs, kernel):
            return super().convolution_op(inputs, kernel - keras.ops.mean(kernel))

    return Standardized(*args, **kwargs)


UNFOLLOWED = [
    L.Lambda(lambda x: x[..., ::-1], output_shape=(4, 4, 2)),
    L.LayerNormalization(),
    L.BatchNormalization(axis=1),
    L.Softmax(),
    L.Rescaling([1.0, 2.0]),
    weight_standardized(2, 1),
]


@pytest.mark.parametrize("layer", UNFOLLOWED, ids=lambda layer: type(layer).__name__)
def test_what_cannot_be_followed_freezes_what_it_touches(layer):
    model = sequential(
        L.Conv2D(2, 1, name="a"), L.Conv2D(2, 1, name="b"), layer, L.Conv2D(1, 1, name="c")
    )
    graph = trace(model)
    reason = f"'{layer.name}' ({type(layer).__name__}) cannot be followed"
    assert group_of(graph, "a").frozen is None
    assert group_of(graph, "b").frozen == reason


@pytest.mark.parametrize(
    "call",
    [
        lambda layer, x, mask: layer(x, training=True),
        lambda layer, x, mask: layer(x, mask=mask),
    ],
    ids=["training", "mask"],
)
def test_a_layer_called_as_in_training_or_with_a_mask_is_not_followed(call):
    inputs, mask = L.Input((4, 4, 3)), L.Input((4, 4), dtype="bool")
    x = call(L.BatchNormalization(name="bn"), L.Conv2D(2, 1, name="a")(inputs), mask)
    # Keras 3.12 refuses an input that no layer reads.
    graph = trace(keras.Model([inputs, mask], [L.Conv2D(1, 1)(x), L.Flatten()(mask)]))
    assert group_of(graph, "a").frozen == "'bn' (BatchNormalization) cannot be followed"


def test_an_activation_over_all_channels_freezes_them():
    model = sequential(L.Dense(2, activation="softmax", name="a"), L.Dense(1), shape=(3,))
    reason = "the activation softmax of 'a' (Dense) may mix channels"
    assert group_of(trace(model), "a").frozen == reason


def test_a_gate_over_all_channels_stays():
    inputs = L.Input((4, 4, 3))
    a, b = L.Conv2D(2, 1, name="a")(inputs), L.Conv2D(1, 1, name="b")(inputs)
    graph = trace(keras.Model(inputs, L.Conv2D(1, 1)(L.Multiply(name="gate")([a, b]))))
    assert group_of(graph, "a").frozen is None
    assert group_of(graph, "b").frozen == "'gate' (Multiply) broadcasts it over all channels"


def test_weights_shared_with_what_cannot_be_followed_stay():
    inner = L.Dense(2, name="a")
    inputs = L.Input((3,))
    x = L.Dense(1)(inner(inputs))
    y = L.TimeDistributed(inner, name="wrapper")(L.Reshape((1, 3))(inputs))
    graph = trace(keras.Model(inputs, [x, y]))
    assert group_of(graph, "a").frozen == "'wrapper' (TimeDistributed) cannot be followed"


class Subclassed(keras.Model):
    def __init__(self):
        super().__init__(name="subclassed")
        self.dense = L.Dense(1)

    def call(self, x):
        return self.dense(x)


def test_models_that_cannot_be_read_are_refused():
    with pytest.raises(TypeError, match=r"Expected a Keras 3 model.*Received.*int"):
        trace(3)
    with pytest.raises(ValueError, match="is not built"):
        trace(keras.Sequential([L.Dense(1)]))
    model = Subclassed()
    model(np.zeros((1, 2)))
    with pytest.raises(ValueError, match=r"subclassed.*keras.Model\(inputs, outputs\)"):
        trace(model)


def test_tf_keras_models_are_refused_with_a_hint():
    tf_keras = pytest.importorskip("tf_keras")
    with pytest.raises(TypeError, match="built with Keras 3"):
        trace(tf_keras.Sequential([tf_keras.layers.Dense(1, input_shape=(2,))]))
