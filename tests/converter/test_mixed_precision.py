"""Models that compute in float16 or bfloat16, which TFLite has no kernels for."""

import keras
import numpy as np
import pytest
import tensorflow as tf
import tf_keras

import tfsparse
from tests.converter.test_sources import X, outputs
from tfsparse import flatbuffer


@pytest.fixture(autouse=True)
def seed():
    """The same weights each time: of some the rounding of bfloat16 is larger than the bounds."""
    keras.utils.set_random_seed(0)


@pytest.fixture
def path(tmp_path):
    return str(tmp_path / "model.tflite")


def in_half_precision(library, policy):
    """A functional model, a nested one in it, and a layer that has been adapted."""
    layers = library.layers
    image = layers.Input((8, 8, 6), name="image")
    normalization = layers.Normalization(dtype=policy)
    normalization.adapt(X)
    x = layers.Conv2D(64, 3, activation="relu", dtype=policy)(normalization(image))
    x = layers.BatchNormalization(dtype=policy)(x)
    swish = layers.Conv2D(64, 1, activation="swish", dtype=policy)
    x = library.Sequential([swish], name="nested")(x)
    x = layers.GlobalAveragePooling2D(dtype=policy)(x)
    return library.Model(image, layers.Dense(12, dtype="float32")(x))


def subclassed_in_half_precision(library, policy):
    class Model(library.Model):
        def __init__(self):
            super().__init__(dtype=policy)
            self.hidden = library.layers.Dense(64, dtype=policy)
            self.cell = library.layers.LSTM(8, dtype=policy)

        def call(self, inputs):
            x = self.hidden(tf.reshape(inputs, (-1, 64, 6)))
            return self.cell(x * tf.ones((), self.compute_dtype))

    model = Model()
    model(X)
    return model


@pytest.mark.parametrize("library", [keras, tf_keras], ids=lambda library: library.__name__)
@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16", "float16"])
@pytest.mark.parametrize("build", [in_half_precision, subclassed_in_half_precision])
def test_a_model_in_half_precision_is_converted_in_float32(path, build, library, policy):
    model = build(library, policy)
    tfsparse.convert(model, path)
    (graph, *_) = flatbuffer.read(path).subgraphs
    assert not {"float16", "bfloat16"} & {flatbuffer.dtype_name(t) for t in graph.tensors}
    wanted = np.array(tf.cast(model(X[:1]), tf.float32))
    np.testing.assert_allclose(outputs(path), wanted, atol=0.02 * np.abs(wanted).max())


def test_a_model_with_a_lookup_table(path):
    word = keras.Input((1,), dtype="string")
    number = keras.layers.StringLookup(vocabulary=["a", "b"], output_mode="one_hot")(word)
    model = keras.Model(word, keras.layers.Dense(4, dtype="mixed_float16")(number))
    tfsparse.convert(model, path)
    x = np.array([[b"b"]])
    wanted = tf.cast(model(tf.constant(x)), tf.float32)
    np.testing.assert_allclose(outputs(path, x), wanted, atol=0.01)


def test_a_saved_model_in_half_precision_is_converted_in_float32(tmp_path, path):
    model = in_half_precision(keras, "mixed_float16")
    model.export(tmp_path / "saved", verbose=False)
    tfsparse.convert(tmp_path / "saved", path)
    wanted = np.array(model(X[:1]))
    np.testing.assert_allclose(outputs(path), wanted, atol=0.02 * np.abs(wanted).max())


def test_a_model_in_float64_is_refused_with_the_reason(path):
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, dtype="float64")])
    with pytest.raises(RuntimeError, match=r"no operators for float64\. Use the dtype policy"):
        tfsparse.convert(model, path)
