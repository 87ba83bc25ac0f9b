"""Element-wise operators, in TFLite's order and in CHW, against TFLite's kernels."""

from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

import tfsparse
from tests.delegate import networks
from tests.delegate.networks import convert_function
from tests.delegate.outputs import check_outputs, explain, left_to_tflite
from tfsparse import flatbuffer

SIZES = [(1, 1, 1, 8), (1, 5, 7, 3), (3, 9, 16, 4)]
UNARY = [
    tf.abs,
    tf.negative,
    tf.square,
    tf.exp,
    tf.tanh,
    tf.nn.elu,
    tf.nn.relu,
    lambda x: tf.nn.leaky_relu(x, 0.3),
    lambda x: tf.sqrt(tf.abs(x)),
    lambda x: tf.math.rsqrt(tf.square(x) + 0.5),
    lambda x: tf.math.log(tf.abs(x) + 0.01),
]
BINARY = [
    tf.maximum,
    tf.minimum,
    tf.subtract,
    lambda a, b: a / (1.0 + tf.square(b)),
    lambda a, b: tf.pow(0.1 + tf.abs(a), b),
]


def weights(shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def convolve(x, channels=6, seed=0):
    return tf.nn.conv2d(x, weights((1, 1, x.shape[-1], channels), seed), 1, "SAME")


def convolve_depthwise(x, seed=0):
    return tf.nn.depthwise_conv2d(x, weights((3, 3, x.shape[-1], 1), seed), [1] * 4, "SAME")


def multiply(x, seed=0):
    return tf.matmul(tf.reshape(x, [x.shape[0], -1]), weights((np.prod(x.shape[1:]), 5), seed))


def scale(x, seed=0):
    return x * np.float32(0.5 + seed)


def operators(path):
    return {layer.operator for layer in explain(path).layers}


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_unary(tmp_path, size):
    def network(x):
        y = convolve(x)
        return [function(z) for z in (x, y) for function in UNARY]

    path = convert_function(network, tmp_path / "model.tflite", tf.TensorSpec(size))
    expected = ["ABS", "NEG", "SQUARE", "EXP", "TANH", "ELU", "LEAKY_RELU", "SQRT", "RSQRT", "LOG"]
    assert operators(path).issuperset(expected)
    assert left_to_tflite(path) == []
    check_outputs(path)


@pytest.mark.parametrize("approximate", [False, True])
@pytest.mark.parametrize("size", SIZES, ids=str)
def test_gelu(tmp_path, size, approximate):
    def network(x):
        return [tf.nn.gelu(y, approximate) for y in (x, convolve(x))]

    path = convert_function(network, tmp_path / "model.tflite", tf.TensorSpec(size))
    assert operators(path) == {"CONV_2D", "GELU"}
    assert left_to_tflite(path) == []
    check_outputs(path)


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_activation_of_a_layer(tmp_path, size):
    """Each is folded into the layer before it; of two, the second too if it is a clamp."""

    functions = [
        tf.tanh,
        tf.nn.elu,
        lambda y: tf.nn.leaky_relu(y, 0.2),
        lambda y: tf.minimum(tf.nn.relu(tf.tanh(y)), 6.0),
        lambda y: tf.nn.elu(y) * y,
    ]

    def network(x):
        made_by = (convolve, convolve_depthwise, multiply, scale)
        return [f(layer(x, seed=i)) for i, f in enumerate(functions) for layer in made_by]

    path = convert_function(network, tmp_path / "model.tflite", tf.TensorSpec(size))
    assert left_to_tflite(path) == []
    check_outputs(path)


def test_activations_are_folded_into_the_convolution(tmp_path):
    def network(x):
        for function in (tf.tanh, tf.nn.elu, tf.nn.leaky_relu):
            x = function(convolve(x))
        return x

    path = convert_function(network, tmp_path / "model.tflite", tf.TensorSpec(SIZES[1]))
    kernels = [layer.kernel for layer in explain(path).layers]
    assert sum(kernel.startswith("dense") for kernel in kernels) == 3
    assert sum(kernel == "" for kernel in kernels) == 3


@pytest.mark.parametrize("activation", ["TANH", "SIGN_BIT"])
def test_fused_activation_that_tflite_has_no_kernel_for(tmp_path, activation):
    inputs = networks.image(5)
    x = layers.Conv2D(4, 1)(layers.Conv2D(4, 3)(inputs))
    path = Path(tfsparse.convert(keras.Model(inputs, x), tmp_path / "model.tflite"))
    model = flatbuffer.read(path)
    code = getattr(flatbuffer.schema.ActivationFunctionType, activation)
    model.subgraphs[0].operators[-1].builtinOptions.fusedActivationFunction = code
    path.write_bytes(flatbuffer.serialize(model))
    assert left_to_tflite(path) == ["CONV_2D"]
    check_outputs(path)


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_binary(tmp_path, size):
    def network(x, z):
        outputs = []
        for a, b in ((x, z), (convolve(x), convolve(z))):
            channels = np.linspace(-1, 1, a.shape[-1], dtype=np.float32)
            image, column = weights((1, *a.shape[1:]), seed=7), weights((a.shape[1], 1, 1), seed=8)
            pooled = tf.reduce_mean(b, [1, 2], keepdims=True)
            for function in BINARY:
                outputs += [function(a, other) for other in (b, channels, image, column, pooled)]
                outputs += [function(np.float32(0.25), a), function(pooled, a)]
        return outputs

    path = convert_function(
        network, tmp_path / "model.tflite", tf.TensorSpec(size), tf.TensorSpec(size)
    )
    assert {"MAXIMUM", "MINIMUM", "POW"} <= operators(path)
    assert left_to_tflite(path) == []
    check_outputs(path)


def test_powers_of_negative_numbers(tmp_path):
    def network(x):
        y = -0.5 - tf.square(convolve(x))  # away from 0, where some would amplify rounding errors
        return [tf.pow(y, exponent) for exponent in (3.0, 4.0, -3.0)]

    path = convert_function(network, tmp_path / "model.tflite", tf.TensorSpec(SIZES[1]))
    assert "POW" in operators(path)
    assert left_to_tflite(path) == []
    check_outputs(path)


@pytest.mark.parametrize("shared", [[1, 2], [1, 2, 3], None], ids=str)
@pytest.mark.parametrize("size", [1, 6, 11])
def test_prelu(tmp_path, size, shared):
    inputs = networks.image(size, 5)
    x = layers.PReLU(shared_axes=shared)(layers.Conv2D(9, 1)(inputs))
    x = layers.PReLU(shared_axes=shared)(layers.DepthwiseConv2D(3, padding="same")(x))
    x = layers.Conv2D(7, 3, padding="same")(x)
    model = keras.Model(inputs, [layers.PReLU(shared_axes=shared)(x), x])
    path = tfsparse.convert(networks.randomize(model), tmp_path / "model.tflite", batch_size=2)
    assert "PRELU" in operators(path)
    assert left_to_tflite(path) == []
    check_outputs(path)
