"""Pooling, resizing and depthwise convolutions of several outputs, against TFLite's kernels."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

import tfsparse
from tests.delegate import networks
from tests.delegate.networks import convert_function
from tests.delegate.outputs import check_outputs, left_to_tflite
from tfsparse import _native
from tfsparse.converter import flatbuffer


def check(path, **kwargs):
    assert left_to_tflite(path) == []
    check_outputs(path, **kwargs)


def between_convolutions(layer, size, *, batch=1, channels=7):
    """A network in which the layer reads planes and is read in planes."""
    inputs = keras.Input((*size, 3), batch_size=batch)
    x = layer(layers.Conv2D(channels, 1)(inputs))
    return networks.randomize(keras.Model(inputs, layers.Conv2D(5, 1)(x)))


@pytest.mark.parametrize("padding", ["same", "valid"])
@pytest.mark.parametrize(
    ("window", "stride", "size"),
    [
        (2, 2, (16, 16)),
        (2, 2, (13, 7)),
        (3, 2, (37, 18)),
        (3, 1, (14, 40)),
        (3, 3, (20, 11)),
        ((1, 3), (1, 2), (5, 35)),
        ((5, 2), (4, 1), (21, 21)),
        (7, 7, (7, 7)),
        (13, 1, (13, 13)),
        (1, 2, (9, 9)),
        (2, 5, (11, 23)),
    ],
    ids=str,
)
@pytest.mark.parametrize("kind", [layers.MaxPooling2D, layers.AveragePooling2D])
def test_pooling(tmp_path, kind, window, stride, size, padding):
    model = between_convolutions(kind(window, stride, padding), size)
    check(tfsparse.convert(model, tmp_path / "model.tflite"))


@pytest.mark.parametrize("size", [(1, 1), (2, 3), (1, 9)])
@pytest.mark.parametrize("kind", [layers.MaxPooling2D, layers.AveragePooling2D])
def test_pooling_by_a_window_larger_than_the_image(tmp_path, kind, size):
    model = between_convolutions(kind(5, 2, "same"), size, batch=3)
    check(tfsparse.convert(model, tmp_path / "model.tflite", batch_size=3))


@pytest.mark.parametrize("activation", [tf.nn.relu, tf.nn.relu6])
@pytest.mark.parametrize("pool", [tf.nn.max_pool2d, tf.nn.avg_pool2d])
def test_pooling_of_a_picture_with_a_fused_activation(tmp_path, pool, activation):
    weights = np.random.default_rng(0).standard_normal((1, 1, 3, 8)).astype(np.float32)

    def network(x):
        return tf.nn.conv2d(activation(pool(8 * x, 3, 2, "SAME")), weights, 1, "SAME")

    path = convert_function(network, tmp_path / "model.tflite", tf.TensorSpec([2, 15, 17, 3]))
    check(path)


RESIZES = {"bilinear": tf.raw_ops.ResizeBilinear, "nearest": tf.raw_ops.ResizeNearestNeighbor}


def resize_network(path, kind, size, to, batch=1, **options):
    random = np.random.default_rng(0)
    first = random.standard_normal((1, 1, 3, 7)).astype(np.float32)
    second = random.standard_normal((1, 1, 7, 5)).astype(np.float32)

    def network(x):
        x = tf.nn.conv2d(x, first, 1, "SAME")
        x = RESIZES[kind](images=x, size=tf.constant(to), **options)
        return tf.nn.conv2d(x, second, 1, "SAME")

    return convert_function(network, path, tf.TensorSpec([batch, *size, 3]))


@pytest.mark.parametrize(
    "options", [{}, {"align_corners": True}, {"half_pixel_centers": True}], ids=str
)
@pytest.mark.parametrize(
    ("size", "to"),
    [
        ((8, 8), (16, 16)),
        ((9, 21), (18, 42)),
        ((5, 7), (31, 29)),
        ((30, 41), (7, 11)),
        ((16, 33), (16, 33)),
        ((12, 50), (24, 25)),
        ((1, 1), (6, 9)),
        ((1, 20), (3, 1)),
        ((14, 6), (1, 1)),
        ((17, 17), (18, 16)),
    ],
    ids=str,
)
@pytest.mark.parametrize("kind", RESIZES)
def test_resize(tmp_path, kind, size, to, options):
    check(resize_network(tmp_path / "model.tflite", kind, size, to, **options))


@pytest.mark.parametrize("kind", RESIZES)
def test_resize_of_a_batch(tmp_path, kind):
    check(resize_network(tmp_path / "model.tflite", kind, (6, 5), (12, 10), batch=3))


def test_resize_that_tflite_has_no_meaning_for(tmp_path):
    options = {"align_corners": True, "half_pixel_centers": False}
    path = resize_network(tmp_path / "model.tflite", "bilinear", (6, 5), (12, 10), **options)
    model = flatbuffer.read(path)
    (resize,) = [
        o for o in model.subgraphs[0].operators if hasattr(o.builtinOptions, "alignCorners")
    ]
    resize.builtinOptions.halfPixelCenters = True
    path.write_bytes(flatbuffer.serialize(model))
    assert left_to_tflite(path)


@pytest.mark.parametrize("isa", ["avx512", "avx2", "portable"])
def test_instruction_set(tmp_path, isa):
    if isa not in _native.isas():
        pytest.skip(f"this CPU has no {isa}")
    inputs = networks.image(37, 3)
    x = layers.Conv2D(6, 1)(inputs)
    x = layers.Add()(
        [layers.MaxPooling2D(3, 1, "same")(x), layers.AveragePooling2D(3, 1, "same")(x)]
    )
    x = layers.UpSampling2D(2, interpolation="bilinear")(layers.MaxPooling2D()(x))
    model = keras.Model(inputs, layers.Conv2D(4, 1)(x))
    check(tfsparse.convert(networks.randomize(model), tmp_path / "model.tflite"), isa=isa)


@pytest.mark.parametrize(("channels", "multiplier"), [(1, 9), (5, 2), (3, 4)])
@pytest.mark.parametrize(
    "options",
    [
        {"kernel_size": 3, "padding": "same"},
        {"kernel_size": 5, "strides": 2},
        {"kernel_size": (2, 3), "strides": 3, "padding": "same"},
        {"kernel_size": 3, "dilation_rate": 2, "activation": "relu6"},
    ],
    ids=str,
)
def test_depth_multiplier(tmp_path, channels, multiplier, options):
    layer = layers.DepthwiseConv2D(depth_multiplier=multiplier, **options)
    model = between_convolutions(layer, (13, 19), channels=channels, batch=2)
    check(tfsparse.convert(model, tmp_path / "model.tflite", batch_size=2))


def test_depth_multiplier_in_strips(tmp_path):
    layer = layers.DepthwiseConv2D(3, depth_multiplier=3, padding="same")
    model = between_convolutions(layer, (120, 160), channels=16)
    path = tfsparse.convert(model, tmp_path / "model.tflite")
    kernels = [layer.kernel for layer in tfsparse.explain(path).layers]
    assert any("depthwise" in kernel and "in strips" in kernel for kernel in kernels)
    check(path)
