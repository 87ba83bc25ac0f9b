"""Pooling, resizing, depthwise and transposed convolutions, against TFLite's kernels."""

from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

import tfsparse
from tests.delegate import networks
from tests.delegate.graph_builder import GraphBuilder
from tests.delegate.networks import convert_function
from tests.delegate.outputs import ALWAYS, check_outputs, explain, left_to_tflite
from tests.delegate.runs import write
from tfsparse import _native, flatbuffer


def check(path, **kwargs):
    assert left_to_tflite(path) == []
    check_outputs(path, **kwargs)


def between_convolutions(layer, size, *, batch=1, channels=7, sparsity=0.0):
    """A network in which the layer's input and output are in CHW."""
    inputs = keras.Input((*size, 3), batch_size=batch)
    x = layer(layers.Conv2D(channels, 1)(inputs))
    return networks.randomize(keras.Model(inputs, layers.Conv2D(5, 1)(x)), sparsity)


POOLINGS = [  # window, stride, size of the image
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
]


@pytest.mark.parametrize("padding", ["same", "valid"])
@pytest.mark.parametrize("kind", [layers.MaxPooling2D, layers.AveragePooling2D])
def test_pooling(tmp_path, kind, padding):
    models = [
        between_convolutions(kind(window, stride, padding), size)
        for window, stride, size in POOLINGS
    ]
    check(tfsparse.convert(networks.side_by_side(models), tmp_path / "model.tflite"))


@pytest.mark.parametrize("kind", [layers.MaxPooling2D, layers.AveragePooling2D])
def test_pooling_by_a_window_larger_than_the_image(tmp_path, kind):
    models = [
        between_convolutions(kind(5, 2, "same"), size, batch=3) for size in [(1, 1), (2, 3), (1, 9)]
    ]
    model = networks.side_by_side(models)
    check(tfsparse.convert(model, tmp_path / "model.tflite", batch_size=3))


@pytest.mark.parametrize("activation", [tf.nn.relu, tf.nn.relu6])
@pytest.mark.parametrize("pool", [tf.nn.max_pool2d, tf.nn.avg_pool2d])
def test_pooling_of_an_image_with_a_fused_activation(tmp_path, pool, activation):
    weights = np.random.default_rng(0).standard_normal((1, 1, 3, 8)).astype(np.float32)

    def network(x):
        return tf.nn.conv2d(activation(pool(8 * x, 3, 2, "SAME")), weights, 1, "SAME")

    path = convert_function(network, tmp_path / "model.tflite", tf.TensorSpec([2, 15, 17, 3]))
    check(path)


RESIZES = {"bilinear": tf.raw_ops.ResizeBilinear, "nearest": tf.raw_ops.ResizeNearestNeighbor}


RESIZED = [  # from, to
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
]


def resize_network(path, kind, sizes, batch=1, **options):
    """One image per pair of sizes, resized between two convolutions."""
    random = np.random.default_rng(0)
    first = random.standard_normal((1, 1, 3, 7)).astype(np.float32)
    second = random.standard_normal((1, 1, 7, 5)).astype(np.float32)

    def resized(x, to):
        x = tf.nn.conv2d(x, first, 1, "SAME")
        x = RESIZES[kind](images=x, size=tf.constant(to), **options)
        return tf.nn.conv2d(x, second, 1, "SAME")

    def network(*images):
        return [resized(x, to) for x, (_, to) in zip(images, sizes, strict=True)]

    return convert_function(network, path, *(tf.TensorSpec([batch, *size, 3]) for size, _ in sizes))


@pytest.mark.parametrize(
    "options", [{}, {"align_corners": True}, {"half_pixel_centers": True}], ids=str
)
@pytest.mark.parametrize("kind", RESIZES)
def test_resize(tmp_path, kind, options):
    check(resize_network(tmp_path / "model.tflite", kind, RESIZED, **options))


@pytest.mark.parametrize("kind", RESIZES)
def test_resize_of_a_batch(tmp_path, kind):
    check(resize_network(tmp_path / "model.tflite", kind, [((6, 5), (12, 10))], batch=3))


def test_resize_with_flags_that_exclude_each_other(tmp_path):
    options = {"align_corners": True, "half_pixel_centers": False}
    sizes = [((6, 5), (12, 10))]
    path = resize_network(tmp_path / "model.tflite", "bilinear", sizes, **options)
    model = flatbuffer.read(path)
    (resize,) = [
        o for o in model.subgraphs[0].operators if hasattr(o.builtinOptions, "alignCorners")
    ]
    resize.builtinOptions.halfPixelCenters = True
    path.write_bytes(flatbuffer.serialize(model))
    (layer,) = [one for one in explain(path).layers if one.operator == "RESIZE_BILINEAR"]
    assert not layer.taken


@pytest.fixture(scope="module")
def segmenter(tmp_path_factory):
    inputs = networks.image(20)
    wide = layers.Conv2D(6, 3, padding="same", activation="relu")(inputs)
    x = layers.Add()([layers.MaxPooling2D()(wide), layers.AveragePooling2D(3, 2, "same")(wide)])
    x = layers.Conv2D(9, 3, padding="same", activation="relu")(x)
    x = layers.Add()([layers.Conv2DTranspose(6, 3, 2, "same", activation="relu")(x), wide])
    x = layers.UpSampling2D(2, interpolation="bilinear")(x)
    x = layers.DepthwiseConv2D(3, depth_multiplier=2)(x)
    model = networks.randomize(keras.Model(inputs, layers.Conv2D(4, 1)(x)), 0.7)
    return tfsparse.convert(model, tmp_path_factory.mktemp("segmenter") / "model.tflite")


@pytest.mark.parametrize("isa", ["avx512", "avx2", "portable"])
def test_segmenter(segmenter, isa):
    if isa not in _native.isas():
        pytest.skip(f"this CPU has no {isa}")
    check(segmenter, isa=isa)


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
def test_depth_multiplier(tmp_path, options):
    models = []
    for channels, multiplier in [(1, 9), (5, 2), (3, 4)]:
        layer = layers.DepthwiseConv2D(depth_multiplier=multiplier, **options)
        models.append(between_convolutions(layer, (13, 19), channels=channels, batch=2))
    model = networks.side_by_side(models)
    check(tfsparse.convert(model, tmp_path / "model.tflite", batch_size=2))


def test_depth_multiplier_in_row_tiles(tmp_path):
    layer = layers.DepthwiseConv2D(3, depth_multiplier=3, padding="same")
    model = between_convolutions(layer, (120, 160), channels=16)
    path = tfsparse.convert(model, tmp_path / "model.tflite")
    kernels = [layer.kernel for layer in explain(path).layers]
    assert any("depthwise" in kernel and "in row tiles" in kernel for kernel in kernels)
    check(path)


GROUPED = [(7, 7, 7), (6, 18, 6), (8, 12, 4), (9, 6, 3)]  # channels, filters, groups


@pytest.mark.parametrize(
    "options",
    [
        {"kernel_size": 7, "padding": "same"},
        {"kernel_size": 1},
        {"kernel_size": (2, 3), "strides": 2, "activation": "relu6"},
        {"kernel_size": 3, "dilation_rate": 2, "activation": "silu"},
    ],
    ids=str,
)
def test_grouped_convolution(tmp_path, options):
    models = []
    for channels, filters, groups in GROUPED:
        layer = layers.Conv2D(filters, groups=groups, **options)
        models.append(between_convolutions(layer, (13, 19), channels=channels, batch=2))
    model = networks.side_by_side(models)
    check(tfsparse.convert(model, tmp_path / "model.tflite", batch_size=2))


@pytest.mark.parametrize("groups", [24, 4])
@pytest.mark.parametrize("options", [{"encoding": "csr"}, {"weights": "float16"}], ids=str)
def test_encodings_of_grouped_weights(tmp_path, options, groups):
    layer = layers.Conv2D(24, 3, groups=groups)
    model = between_convolutions(layer, (9, 11), channels=24, sparsity=0.8)
    check(tfsparse.convert(model, tmp_path / "model.tflite", **options))


def test_a_grouped_convolution_with_too_many_zeros_is_left(tmp_path):
    builder = GraphBuilder()
    image = builder.input((1, 1, 1, 1 << 14))
    constants = [builder.constant(np.ones(s, np.float32)) for s in [(1 << 13, 1, 1, 2), 1 << 13]]
    y = builder.operator("CONV_2D", [image, *constants], (1, 1, 1, 1 << 13), strideH=1, strideW=1)
    path = write(builder.finish([image], [y]), tmp_path / "model.tflite")
    (layer,) = explain(path).layers
    assert layer.reason == "grouped convolution of too many channels"


TRANSPOSED = [  # kernel, strides, size of the image
    (1, 1, (5, 9)),
    (3, 1, (14, 14)),
    (2, 2, (12, 20)),
    (3, 2, (9, 33)),
    (4, 2, (7, 7)),
    (5, 2, (1, 1)),
    ((1, 4), (1, 3), (6, 5)),
    ((2, 5), (4, 2), (8, 3)),  # A stride larger than the kernel: some pixels are only bias.
    (7, 5, (3, 4)),
]


@pytest.mark.parametrize("sparsity", [0.0, 0.8])
@pytest.mark.parametrize("padding", ["same", "valid"])
def test_transposed_convolution(tmp_path, padding, sparsity):
    models = []
    for kernel, strides, size in TRANSPOSED:
        layer = layers.Conv2DTranspose(9, kernel, strides, padding, activation="relu")
        models.append(between_convolutions(layer, size, sparsity=sparsity))
    check(tfsparse.convert(networks.side_by_side(models), tmp_path / "model.tflite"))


def test_transposed_convolution_to_an_odd_size(tmp_path):
    # The odd size comes of the even side of the kernel: Keras 3.1 refuses an output_padding of 0.
    layer = layers.Conv2DTranspose(70, (4, 3), 2, "same", output_padding=1, use_bias=False)
    model = between_convolutions(layer, (6, 7))
    assert layer.output.shape[1:3] == (11, 14)
    check(tfsparse.convert(model, tmp_path / "model.tflite"))


@pytest.mark.parametrize("options", [{"encoding": "none"}, {"weights": "float16"}], ids=str)
def test_encodings_of_transposed_weights(tmp_path, options):
    layer = layers.Conv2DTranspose(16, 3, 2, "same", activation="sigmoid")
    model = between_convolutions(layer, (9, 11), channels=24, sparsity=0.8)
    path = tfsparse.convert(model, tmp_path / "model.tflite", **options)
    check(path)
    (kernel,) = [x.kernel for x in explain(path).layers if x.operator == "TRANSPOSE_CONV"]
    assert kernel.startswith("sparse")


def test_transposed_convolution_of_an_open_batch(tmp_path):
    """TFLite's converter adds nodes that compute the output's shape from the input's."""
    inputs = keras.Input((8, 10, 3))
    x = layers.Conv2D(6, 3, padding="same")(inputs)
    x = layers.Conv2DTranspose(5, 3, 2, "same")(x)
    model = networks.randomize(keras.Model(inputs, layers.Conv2D(4, 1)(x)))
    path = tfsparse.convert(model, tmp_path / "model.tflite", batch_size=None)
    check(path, shape=(3, 8, 10, 3))


def test_transposed_convolution_to_a_size_that_does_not_fit(tmp_path):
    model = between_convolutions(layers.Conv2DTranspose(4, 3, 2, "same"), (6, 7))
    path = Path(tfsparse.convert(model, tmp_path / "model.tflite"))
    model = flatbuffer.read(path)
    graph = model.subgraphs[0]
    (node,) = [o for o in graph.operators if flatbuffer.operator_name(model, o) == "TRANSPOSE_CONV"]
    shape = model.buffers[graph.tensors[node.inputs[0]].buffer]
    shape.data = np.array([1, 12, 99, 4], np.int32).view(np.uint8)
    path.write_bytes(flatbuffer.serialize(model))
    with pytest.raises(RuntimeError, match="TRANSPOSE_CONV"):  # TFLite checks what was left
        tfsparse.Interpreter(path, options=ALWAYS).allocate_tensors()
