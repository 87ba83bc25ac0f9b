"""Files with int8 weights and float32 activations: the delegate computes them in float32."""

import keras
import numpy as np
import tensorflow as tf
from keras import layers

import tfsparse
from tests.delegate import networks
from tfsparse.capture import captured_output


def test_weights_are_multiplied_by_their_scales(tmp_path):
    inputs = networks.image(14, 32)
    x = layers.Conv2D(64, 1, activation="relu")(inputs)
    x = layers.DepthwiseConv2D(3, padding="same")(x)
    x = layers.GlobalAveragePooling2D()(layers.Conv2D(128, 3)(x))
    model = networks.randomize(keras.Model(inputs, layers.Dense(100)(x)), 0.8)
    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    path = tmp_path / "model.tflite"
    with captured_output():
        path.write_bytes(converter.convert())

    options = {"auto": False}
    layers_of_file = tfsparse.explain(path, options=options).layers
    assert all(layer.taken for layer in layers_of_file)
    assert any(layer.kernel.startswith("sparse") for layer in layers_of_file)
    runner = tfsparse.Interpreter(path, num_threads=1, options=options).get_signature_runner()
    images = np.random.default_rng(0).normal(size=(1, 14, 14, 32)).astype(np.float32)
    (name,) = runner.get_input_details()
    (outputs,) = runner(**{name: images}).values()
    expected = model.predict(images, verbose=0)
    # The weights are rounded to int8, the activations are not.
    assert np.abs(outputs - expected).max() < 0.02 * np.abs(expected).max()
