"""Keras objects that are made anew with the live objects which they hold."""

import functools

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfsparse.graph.rebuilding import copy_state, renew

L, ops, optimizers = keras.layers, keras.ops, keras.optimizers


def gelu(x):
    """Not the function that Keras has under this name."""
    return 0.5 * x + 0.3


class Shift:
    """A callable without a config."""

    def __call__(self, x):
        return x - 0.1


class Penalty(keras.regularizers.Regularizer):
    """A regularizer that is not registered."""

    def __call__(self, weights):
        return 1e-3 * ops.sum(weights**2)


FUNCTIONS = {
    "of the name of one of Keras": gelu,
    "lambda": lambda x: 0.3 * x,
    "partial": functools.partial(keras.activations.leaky_relu, negative_slope=0.3),
    "callable": Shift(),
    "TensorFlow's": tf.nn.relu6,
    "an operation of Keras": ops.sin,
}


@pytest.mark.parametrize("function", FUNCTIONS.values(), ids=FUNCTIONS)
@pytest.mark.parametrize(
    "make",
    [
        lambda f: L.Dense(3, activation=f),
        lambda f: L.Conv2D(3, 1, activation=f),
        L.Activation,
        L.Lambda,
        lambda f: L.LSTM(3, activation=f, recurrent_activation=f),
        lambda f: L.RNN([L.LSTMCell(3, activation=f), L.GRUCell(2)]),
        lambda f: L.TimeDistributed(keras.Sequential([L.Dense(3, activation=f)])),
    ],
    ids=["Dense", "Conv2D", "Activation", "Lambda", "LSTM", "cells", "TimeDistributed"],
)
def test_functions_are_shared(make, function):
    if isinstance(function, Shift | functools.partial) and make is L.Lambda:
        pytest.skip("Keras takes no such object for a Lambda")
    layer = make(function)
    shape = (2, 4, 4, 3) if isinstance(layer, L.Conv2D) else (2, 4, 3)
    assert_equal(layer, np.random.default_rng(0).normal(size=shape).astype("float32"))


def assert_equal(layer, x):
    """Checks that a layer which is made anew, with the same state, gives the same outputs."""
    expected = layer(x)
    new = renew(layer)
    new(keras.KerasTensor(x.shape, keras.backend.standardize_dtype(x.dtype)))
    copy_state(layer, new)
    assert new is not layer
    assert new.name == layer.name
    assert not {id(v) for v in new.variables} & {id(v) for v in layer.variables}
    np.testing.assert_array_equal(new(x), expected)
    return new


def test_what_a_layer_holds_beside_functions_is_kept():
    policy = type("Policy", (keras.DTypePolicy,), {})("mixed_bfloat16")
    options = {
        "kernel_initializer": lambda shape, dtype=None: ops.ones(shape, dtype),
        "kernel_regularizer": Penalty(),
        "bias_regularizer": Shift(),
        "activity_regularizer": Penalty(),
        "kernel_constraint": Shift(),
    }
    new = renew(L.Dense(3, dtype=policy, trainable=False, **options))
    for name, value in options.items():
        assert getattr(new, name) is value
    assert new.dtype_policy is policy
    assert not new.trainable


def test_a_layer_that_is_an_activation_has_weights_of_its_own():
    new = assert_equal(L.Dense(3, activation=L.PReLU()), np.ones((2, 4), np.float32))
    assert isinstance(new.activation, L.PReLU)


def test_arguments_of_a_lambda_may_be_variables():
    factor = tf.Variable(2.0)
    layer = L.Lambda(lambda x, by: x * by, arguments={"by": factor})
    assert renew(layer).arguments["by"] is factor


def test_a_model_in_a_layer_is_made_anew():
    inputs = L.Input((3,))
    model = keras.Model(inputs, L.Dense(2, activation=gelu)(inputs))
    assert_equal(L.TimeDistributed(model), np.ones((2, 4, 3), np.float32))


def test_changes_are_arguments():
    assert renew(L.Dense(3, activation=gelu), {"units": 2}).units == 2


class Scale(L.Layer):
    """A layer without a config."""

    def __init__(self, function, factor=1.0):
        super().__init__()
        self._function = function
        self.factor = factor
        self.offset = tf.Variable(0.0)

    def call(self, x):
        return self._function(x) * self.factor + self.offset


class Around(L.Layer):
    """A layer with a layer in its config."""

    def __init__(self, inner, **options):
        super().__init__(**options)
        self.inner = inner

    def build(self, shape):
        self.inner.build(shape)

    def call(self, x):
        return self.inner(x) + 1

    def get_config(self):
        inner = keras.saving.serialize_keras_object(self.inner)
        return {**super().get_config(), "inner": inner}

    @classmethod
    def from_config(cls, config):
        inner = keras.saving.deserialize_keras_object(config.pop("inner"))
        return cls(inner, **config)


def test_a_class_without_a_config_tells_its_arguments_by_its_attributes():
    layer = Scale(gelu, 3.0)
    layer.offset.assign(5.0)
    assert_equal(layer, np.ones((2, 3), np.float32))


def test_a_class_that_hides_an_argument_raises():
    class Hidden(Scale):
        def __init__(self, f):
            super().__init__(f)

    with pytest.raises(NotImplementedError, match="get_config"):
        renew(Hidden(gelu))


def test_an_argument_that_a_config_forgets_is_found():
    class Wide(L.Dense):
        def __init__(self, units, margin=0, **options):
            super().__init__(units, **options)
            self.margin = margin

    assert renew(Wide(3, margin=2, activation=gelu)).margin == 2


@pytest.mark.parametrize("inner", [lambda: L.Dense(3, activation=gelu), lambda: Scale(gelu, 2.0)])
def test_layers_in_layers_are_made_anew(inner):
    new = assert_equal(Around(Around(inner())), np.ones((2, 3), np.float32))
    assert isinstance(new.inner.inner, L.Layer)


def test_what_was_learnt_into_attributes_is_copied():
    class Centre(L.Layer):
        mean = None

        def adapt(self, data):
            self.mean = data.mean(axis=0)

        def call(self, x):
            return x - self.mean

    layer = Centre()
    layer.adapt(np.arange(6, dtype=np.float32).reshape(2, 3))
    new = renew(layer)
    copy_state(layer, new)
    assert new.mean is not layer.mean
    np.testing.assert_array_equal(new(np.zeros((1, 3))), [[-1.5, -2.5, -3.5]])


@pytest.mark.parametrize(
    ("at_first", "learnt"),
    [
        ({}, {1: 2.0, "a": 3.0}),
        ({1: 2.0, "a": 3.0}, {1: 2.0, "a": [4.0, 5.0]}),
        ({"a": 2.0}, {"b": 2.0}),
    ],
    ids=["keys of two types", "another value", "another key"],
)
def test_dictionaries_that_were_learnt_are_copied(at_first, learnt):
    class Prices(L.Layer):
        def __init__(self, **options):
            super().__init__(**options)
            self.prices = at_first

        def call(self, x):
            return x

    layer = Prices()
    layer.prices = learnt
    new = renew(layer)
    copy_state(layer, new)
    assert new.prices == learnt
    assert new.prices is not layer.prices


WORDS = ["a", "b", "b", "c"]
ADAPTED = {
    "Normalization": (L.Normalization, {}, [[1.0], [3.0]]),
    "Normalization inverted": (L.Normalization, {"invert": True}, [[1.0], [3.0]]),
    "Discretization": (L.Discretization, {"num_bins": 3}, [[0.0], [1.0], [2.0], [7.0]]),
    "StringLookup": (L.StringLookup, {"output_mode": "one_hot"}, WORDS),
    "StringLookup tf-idf": (L.StringLookup, {"output_mode": "tf_idf"}, [["a", "b"], ["b", "c"]]),
    "IntegerLookup": (L.IntegerLookup, {}, [10, 20, 20, 30]),
    "TextVectorization": (L.TextVectorization, {}, ["a cat", "a dog"]),
    "TextVectorization tf-idf": (L.TextVectorization, {"output_mode": "tf_idf"}, ["a b", "b c"]),
    "TextVectorization n-grams": (
        L.TextVectorization,
        {"ngrams": 2, "output_mode": "multi_hot", "standardize": tf.strings.upper},
        ["a cat sat", "a dog"],
    ),
}


@pytest.mark.parametrize("kind", ADAPTED)
def test_adapted_layers_keep_what_they_learnt(kind):
    cls, options, data = ADAPTED[kind]
    data = tf.constant(data)
    layer = cls(**options)
    layer.adapt(data)
    assert_equal(layer, data)
