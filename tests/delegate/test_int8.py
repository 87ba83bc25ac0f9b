"""int8 files that the delegate leaves to TFLite, with the reason, and whole int8 networks.

TFLite refuses other damage itself: tests/delegate/tflite/adapter_test.cc has that.
"""

import keras
import numpy as np
import pytest
from keras import layers

import tfsparse
from tests.delegate import networks
from tests.delegate.graph_builder import GraphBuilder
from tests.delegate.int8_layers import check_layers
from tests.delegate.outputs import explain
from tests.delegate.runs import write
from tfsparse import flatbuffer

INPUT, OUTPUT = (0.5, 3), (0.25, -7)  # scales and zero points


def convolution(path, *, dtype=np.int8, scale=INPUT, output=OUTPUT, weight_scales=0.1, axis=0):
    """Writes an int8 model of two 1x1 convolutions, the second of which is sound."""
    builder = GraphBuilder()
    image = builder.input((1, 4, 4, 8), dtype)
    builder.set_scale(image, *scale)
    weights = np.arange(-32, 32, dtype=np.int8).reshape(8, 1, 1, 8)
    x = image
    for x_scale, scales, at in ((scale[0], weight_scales, axis), (output[0], 0.1, 0)):
        constants = [builder.constant(weights), builder.constant(np.zeros(8, np.int32))]
        builder.set_scale(constants[0], scales, 0, at)
        builder.set_scale(constants[1], x_scale * np.array(scales), 0)
        x = builder.operator("CONV_2D", [x, *constants], (1, 4, 4, 8), dtype, strideH=1, strideW=1)
        builder.set_scale(x, *output)
    return write(builder.finish([image], [x]), path)


def reasons(path):
    return [layer.reason for layer in explain(path).layers if not layer.taken]


def test_a_sound_convolution_is_taken(tmp_path):
    assert reasons(convolution(tmp_path / "model.tflite", weight_scales=[0.1] * 8)) == []


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"scale": (0.0, 0)}, "a scale is not positive and finite"),
        ({"scale": (float("nan"), 0)}, "a scale is not positive and finite"),
        ({"scale": (float("inf"), 0)}, "a scale is not positive and finite"),
        ({"scale": (-0.5, 0)}, "a scale is not positive and finite"),
        ({"weight_scales": [0.1] * 8, "axis": 3}, "weights have scales along dimension 3"),
        ({"weight_scales": [0.1] * 7 + [0.0]}, "a scale is not positive and finite"),
    ],
    ids=str,
)
def test_a_convolution_with_bad_scales_is_left(tmp_path, change, reason):
    assert reason in reasons(convolution(tmp_path / "model.tflite", **change))


@pytest.mark.parametrize("dtype", [np.uint8, np.int16])
def test_other_quantized_types_are_left(tmp_path, dtype):
    symmetric = (0.5, 0)
    path = convolution(tmp_path / "model.tflite", dtype=dtype, scale=symmetric, output=symmetric)
    assert reasons(path) == [f"computes in {np.dtype(dtype)}"] * 2


@pytest.mark.usefixtures("calibrate_here")
@pytest.mark.parametrize("activation", ["relu6", "hard_swish", "silu"])
def test_a_network_with_squeeze_and_excite_is_taken_whole(tmp_path, activation):
    model = networks.randomize(networks.mobile_net(activation, gate=True), sparsity=0.8)
    pictures = list(np.random.default_rng(0).normal(0, 1, (4, 1, 24, 24, 3)).astype(np.float32))
    path = tmp_path / "model.tflite"
    tfsparse.convert(model, path, weights="int8", representative_dataset=pictures)
    assert reasons(path) == []
    check_layers(flatbuffer.read(path), tmp_path)


@pytest.mark.usefixtures("calibrate_here")
@pytest.mark.parametrize("groups", [12, 4])
def test_a_grouped_convolution_is_taken(tmp_path, groups):
    inputs = networks.image(15)
    x = layers.Conv2D(12, 3)(inputs)
    for filters, kernel in [(12, 7), (24, 3)]:
        x = layers.Conv2D(filters, kernel, padding="same", groups=groups, activation="relu")(x)
    model = networks.randomize(keras.Model(inputs, layers.Conv2D(5, 1)(x)))
    pictures = list(np.random.default_rng(0).normal(0, 1, (4, 1, 15, 15, 3)).astype(np.float32))
    path = tmp_path / "model.tflite"
    tfsparse.convert(model, path, weights="int8", representative_dataset=pictures)
    assert reasons(path) == []
    check_layers(flatbuffer.read(path), tmp_path)
