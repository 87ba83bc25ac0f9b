"""Operators that move or sum values, in TFLite's order and in CHW, against TFLite's kernels."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

import tfsparse
from tests.delegate import networks
from tests.delegate.networks import convert_function
from tests.delegate.outputs import check_outputs, explain, left_to_tflite

SIZES = [(1, 1, 1, 6), (1, 4, 6, 6), (2, 10, 12, 6), (3, 2, 34, 6)]


def convolve(x, channels=6, seed=0):
    random = np.random.default_rng(seed)
    return tf.nn.conv2d(x, random.standard_normal((1, 1, x.shape[-1], channels)), 1, "SAME")


def check(path, *operators):
    taken = {layer.operator for layer in explain(path).layers}
    assert set(operators) <= taken
    assert left_to_tflite(path) == []
    check_outputs(path)


def check_function(function, path, *sizes, operators=()):
    """Checks `function`, which returns a list, on inputs and on convolutions of them."""

    def network(*inputs):
        outputs = function(*inputs) + function(*(convolve(x, seed=i) for i, x in enumerate(inputs)))
        # Also as the input of a convolution.
        return outputs + [convolve(y) for y in outputs if len(y.shape) == 4]

    check(convert_function(network, path, *map(tf.TensorSpec, sizes)), *operators)


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_concatenation(tmp_path, size):
    def concatenate(x, y):
        constant = np.random.default_rng(0).standard_normal(size).astype(np.float32)
        return [tf.concat([x, y, constant, x], axis) for axis in (0, 1, 2, 3)]

    check_function(concatenate, tmp_path / "model.tflite", size, size, operators=["CONCATENATION"])


def test_concatenation_of_different_sizes(tmp_path):
    a, b = networks.image(9, 3), networks.image(9, 4)
    x = layers.Concatenate()([layers.Conv2D(5, 1)(a), b, layers.Conv2D(1, 3, padding="same")(b)])
    x = layers.Concatenate(axis=1)([layers.Conv2D(8, 2)(x), layers.Conv2D(8, (5, 2))(x)])
    rows = layers.GlobalAveragePooling2D()(x)
    rows = layers.Concatenate()([layers.Dense(3)(rows), layers.Dense(4, "tanh")(rows)])
    model = networks.randomize(keras.Model([a, b], [x, rows]))
    check(tfsparse.convert(model, tmp_path / "model.tflite", batch_size=2), "CONCATENATION")


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_split(tmp_path, size):
    def split(x):
        outputs = [*tf.split(x, 3, axis=3), *tf.split(x, [1, 3, 2], axis=-1)]
        for axis in (0, 1, 2):
            outputs += tf.split(x, size[axis], axis)[-2:]
        return [y * 2.0 for y in outputs]

    path = tmp_path / "model.tflite"
    check_function(split, path, size, operators=["SPLIT", "SPLIT_V"])
    layers = explain(path).layers
    assert len({layer.index for layer in layers}) == len(layers)


def test_split_with_an_unread_output(tmp_path):
    def network(x):
        a, _, c = tf.split(convolve(x), 3, axis=3)
        return [convolve(a) + convolve(tf.sin(c))]

    path = convert_function(network, tmp_path / "model.tflite", tf.TensorSpec(SIZES[1]))
    assert left_to_tflite(path) == ["SIN"]
    check_outputs(path)


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_slice(tmp_path, size):
    def slices(x):
        begin = [dim // 2 for dim in size]
        return [tf.slice(x, begin, [-1] * 4), tf.slice(x, [0] * 4, [*size[:3], 5]) * 2.0]

    check_function(slices, tmp_path / "model.tflite", size, operators=["SLICE"])


@pytest.mark.parametrize("size", SIZES[1:], ids=str)
def test_strided_slice(tmp_path, size):
    def slices(x):
        return [
            x[:, ::2, 1::3],
            x[..., 1:-1],
            x[:1, :, :, ::2],
            x[-1],
            x[:, 0, :, 4],
            x[:, 0:1, -1:, :3],
        ]

    path = tmp_path / "model.tflite"
    check_function(slices, path, size, operators=["STRIDED_SLICE"])


def test_slices_that_are_left(tmp_path):
    network = lambda x: convolve(convolve(x)[:, ::-1]) + convolve(x)[:, tf.newaxis, ..., 0, :]  # noqa: E731
    path = convert_function(network, tmp_path / "model.tflite", tf.TensorSpec((2, 4, 4, 6)))
    check_outputs(path)


@pytest.mark.parametrize("block", [2, 3])
@pytest.mark.parametrize("size", [(1, 6, 12, 6), (2, 12, 6, 5)], ids=str)
def test_blocks_of_pixels(tmp_path, size, block):
    def move(x):
        return [
            tf.nn.space_to_depth(x, block),
            tf.nn.depth_to_space(tf.concat([x] * block**2, 3), block),
        ]

    operators = ["SPACE_TO_DEPTH", "DEPTH_TO_SPACE"]
    check_function(move, tmp_path / "model.tflite", size, operators=operators)


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_transpose(tmp_path, size):
    orders = [(0, 3, 1, 2), (0, 2, 3, 1), (0, 2, 1, 3), (3, 2, 1, 0), (1, 0, 2, 3), (0, 1, 3, 2)]

    def transpose(x):
        five = tf.transpose(tf.reshape(x, [size[0], size[1], size[2], 2, 3]), [0, 1, 4, 2, 3])
        return [tf.transpose(x, order) * 2.0 for order in orders] + [five * 2.0]

    check_function(transpose, tmp_path / "model.tflite", size)


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_pad(tmp_path, size):
    amounts = [
        [(0, 0), (1, 2), (3, 0), (0, 0)],
        [(0, 0), (0, 0), (0, 0), (2, 3)],
        [(1, 1), (0, 1), (2, 0), (1, 0)],
    ]

    def pad(x):
        padded = [tf.pad(x, amount) for amount in amounts]
        padded += [tf.pad(x, amount, constant_values=-1.5) for amount in amounts]
        padded.append(tf.pad(tf.reshape(x, [-1, 6]), [(0, 1), (2, 0)]))
        return [y * 2.0 for y in padded]

    check_function(pad, tmp_path / "model.tflite", size, operators=["PAD", "PADV2"])


def test_pads_that_cannot_be_folded_into_a_convolution(tmp_path):
    """Of channels, or with a value other than 0."""

    def network(x):
        around = [(0, 0), (1, 1), (1, 1), (0, 0)]
        outputs = []
        for y in (tf.pad(x, around, constant_values=2.0), tf.pad(x, [*around[:3], (0, 2)])):
            kernel = np.random.default_rng(0).standard_normal((3, 3, y.shape[-1], 4))
            outputs.append(tf.nn.conv2d(y, kernel, 1, "VALID"))
        return outputs

    path = convert_function(network, tmp_path / "model.tflite", tf.TensorSpec(SIZES[1]))
    check(path, "PAD", "PADV2")


@pytest.mark.parametrize("keep", [False, True])
@pytest.mark.parametrize("size", SIZES, ids=str)
def test_reductions(tmp_path, size, keep):
    axes = [(1, 2), (3,), (1,), (2,), (0,), (0, 1), (0, 2), (1, 3), (0, 1, 2, 3), (-1, -2)]

    def reduce(x):
        sums = [tf.reduce_sum(x, axis, keep) for axis in axes]
        return sums + [tf.reduce_mean(x, axis, keep) for axis in axes]

    check_function(reduce, tmp_path / "model.tflite", size, operators=["SUM", "MEAN"])


def test_reshapes_by_axes(tmp_path):
    def network(x):
        y = convolve(x)
        pooled = tf.reduce_mean(y, [1, 2], keepdims=True)
        squeezed = tf.squeeze(pooled, [1, 2])
        return [
            squeezed * 2.0,
            tf.expand_dims(squeezed, 1) * tf.expand_dims(squeezed, -1),
            tf.squeeze(tf.reduce_sum(y, [1], keepdims=True)) * 2.0,
        ]

    path = convert_function(network, tmp_path / "model.tflite", tf.TensorSpec((2, 4, 5, 3)))
    check(path)


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("groups", [2, 3])
def test_channel_shuffle(tmp_path, size, groups):
    def shuffle(x):
        x = tf.reshape(tf.nn.relu(x), [*size[:-1], groups, size[-1] // groups])
        return [tf.reshape(tf.transpose(x, [0, 1, 2, 4, 3]), size)]

    check_function(shuffle, tmp_path / "model.tflite", size, operators=["TRANSPOSE"])
