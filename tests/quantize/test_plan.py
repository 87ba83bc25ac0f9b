"""Where a network is rounded, without training it."""

import keras

from tests.quantize.int8_models import layers, norm
from tfsparse.graph.calls import unroll
from tfsparse.quantize.plan import plan


def ranges_of(make, shape=(8, 8, 4)):
    """The names of the ranges of a network, in the order in which values get them."""
    image = keras.Input(shape)
    return list(plan(unroll(keras.Model(image, make(image)))).names.values())


def test_what_becomes_one_operator_is_rounded_once():
    def make(x):
        x = layers.Conv2D(4, 3, use_bias=False, name="conv")(x)
        return layers.ReLU(name="relu")(layers.BatchNormalization(name="norm")(x))

    assert ranges_of(make) == ["input", "relu"]


def test_what_others_read_too_is_rounded():
    def make(x):
        y = layers.Conv2D(4, 1, name="conv")(x)
        return layers.Add(name="add")([y, layers.ReLU(name="relu")(y)])

    assert ranges_of(make) == ["input", "conv", "relu", "add"]


def test_a_relu_behind_an_addition_is_part_of_it():
    def make(x):
        x = layers.Add(name="add")([x, layers.Conv2D(4, 1, name="conv")(x)])
        return layers.ReLU(name="relu")(x)

    assert ranges_of(make) == ["input", "conv", "relu"]


def test_what_is_joined_shares_a_range():
    def make(x):
        parts = [layers.Conv2D(2, 1, name=name)(x) for name in ("left", "right")]
        return layers.MaxPooling2D(name="pool")(layers.Concatenate(name="join")(parts))

    assert ranges_of(make) == ["input", "left", "left"]


def test_what_is_computed_in_float_has_no_range_in_between():
    def make(x):
        x = layers.Rescaling(2.0, name="rescale")(x)
        x = layers.LayerNormalization(name="layer_norm")(x)
        return layers.Conv2D(2, 1, name="conv")(x)

    assert ranges_of(make) == ["layer_norm", "conv"]


def test_prescribed_ranges_are_not_learnt():
    def make(x):
        return layers.Softmax(name="softmax")(layers.Flatten(name="flat")(x))

    image = keras.Input((2, 2, 4))
    found = plan(unroll(keras.Model(image, make(image))))
    assert list(found.names.values()) == ["input"]
    assert list(found.fixed.values()) == [(0.0, 255 / 256)]


def test_names_of_ranges_are_unique():
    shared = layers.Conv2D(4, 1, name="conv")
    assert ranges_of(lambda x: shared(shared(x))) == ["input", "conv", "conv#2"]
    nested = keras.Sequential([layers.Conv2D(4, 1, name="conv")], name="nested")
    assert ranges_of(lambda x: nested(layers.Conv2D(4, 1, name="conv")(x)))[1:] == [
        "conv",
        "conv#2",
    ]


def test_float_layers_are_named_once():
    image = keras.Input((8, 8, 4))
    x = layers.Conv2D(4, 1, activation="elu", name="conv")(image)
    x = norm(layers.LayerNormalization(name="layer_norm")(x))
    assert plan(unroll(keras.Model(image, x))).float_layers == ["conv", "layer_norm"]
