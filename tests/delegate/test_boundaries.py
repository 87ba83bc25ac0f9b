"""Partition boundaries, and files that no converter writes."""

import copy
import os
import subprocess
import sys
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
from tfsparse import flatbuffer

KERNEL = np.random.default_rng(0).standard_normal((1, 1, 3, 8)).astype(np.float32)
MATRIX = np.random.default_rng(1).standard_normal((8 * 256, 4)).astype(np.float32)
IMAGES = tf.TensorSpec([None, 16, 16, 3])


def convolve(x):
    return tf.nn.conv2d(x, KERNEL, 1, "SAME")


@pytest.mark.parametrize("weights", ["float32", "float16"])
def test_prepared_weights_of_a_model_in_several_parts(tmp_path, weights):
    """TFLite puts every DENSIFY and DEQUANTIZE into the first part, away from its readers."""
    inputs = networks.image(16)
    x = layers.Conv2D(32, 3, padding="same", activation="relu")(inputs)
    x = layers.Conv2D(32, 1)(x)
    x = layers.Conv2D(32, 1)(keras.ops.sin(x))
    model = keras.Model(inputs, layers.Conv2D(32, 1)(keras.ops.sin(x)))
    path = tmp_path / "model.tflite"
    tfsparse.convert(networks.randomize(model, 0.8), path, weights=weights)
    assert left_to_tflite(path) == ["SIN", "SIN"]
    check_outputs(path)


def test_shape_as_an_output_of_the_model(tmp_path):
    path = convert_function(lambda x: (convolve(x), tf.shape(x)), tmp_path / "m.tflite", IMAGES)
    assert left_to_tflite(path) == ["SHAPE"]
    check_outputs(path, shape=(2, 16, 16, 3))


def test_shape_computed_in_another_part(tmp_path):
    def network(x):
        y = convolve(x)
        flat = tf.reshape(tf.sin(y), tf.stack([tf.shape(y)[0], 2048]))
        return tf.matmul(flat, MATRIX)

    path = convert_function(network, tmp_path / "model.tflite", IMAGES)
    check_outputs(path, shape=(3, 16, 16, 3))


OPEN_IMAGES = tf.TensorSpec([None] * 3 + [3])


def test_cast_of_sizes(tmp_path):
    """As a network writes it that divides by a number of pixels or multiplies sizes in 64 bits."""

    def network(x):
        y = convolve(x)
        sizes = tf.shape(y)
        mean = tf.reduce_sum(y, [1, 2]) / tf.cast(sizes[1] * sizes[2], tf.float32)
        pixels = tf.reduce_prod(tf.cast(sizes[:3], tf.int64))
        flat = tf.reshape(y, tf.stack([tf.cast(pixels, tf.int32), 8]))
        return mean, flat * tf.cast(sizes, tf.float32)[1]

    path = convert_function(network, tmp_path / "model.tflite", OPEN_IMAGES)
    assert left_to_tflite(path) == []
    casts = [layer for layer in explain(path).layers if layer.operator == "CAST"]
    assert len(casts) >= 3
    check_outputs(path, shape=(2, 5, 6, 3))


def test_cast_of_what_is_computed(tmp_path):
    def network(x):
        y = convolve(x)
        return y * tf.cast(y > 0, tf.float32) + tf.cast(tf.cast(y, tf.int32), tf.float32)

    path = convert_function(network, tmp_path / "model.tflite", OPEN_IMAGES)
    reasons = [layer.reason for layer in explain(path).layers if layer.operator == "CAST"]
    assert sorted(reasons) == [
        "casts another type to float32",
        "casts float32 to int32",
        "is not a cast of sizes",
    ]
    check_outputs(path, shape=(2, 5, 6, 3))


def test_cast_that_changes_nothing(tmp_path):
    builder = GraphBuilder()
    x = builder.input((1, 5, 6, 3))
    y = builder.operator("CAST", [x], (1, 5, 6, 3))
    z = builder.operator("ABS", [y], (1, 5, 6, 3))
    path = write(builder.finish([x], [z]), tmp_path / "model.tflite")
    assert all("no convolution" in layer.reason for layer in explain(path).layers)
    check_outputs(path)


def test_square_of_sizes(tmp_path):
    def network(x):
        y = convolve(x)
        return tf.reshape(y, tf.math.squared_difference(tf.shape(y), [0, 2, 0, 6]))

    path = convert_function(network, tmp_path / "model.tflite", OPEN_IMAGES)
    assert left_to_tflite(path) == ["SHAPE", "SQUARED_DIFFERENCE", "RESHAPE"]
    check_outputs(path, shape=(2, 4, 1, 3))


def test_slice_of_a_shape_with_a_step(tmp_path):
    def network(x):
        y = convolve(x)
        return tf.reshape(tf.reduce_mean(y, [1, 2]), tf.shape(y)[0:4:3])

    path = convert_function(network, tmp_path / "model.tflite", OPEN_IMAGES)
    assert "STRIDED_SLICE" in left_to_tflite(path)
    check_outputs(path, shape=(2, 5, 6, 3))


def test_empty_tensors(tmp_path):
    path = convert_function(
        lambda x, z: tf.matmul(x, MATRIX[:8]) * z,
        tmp_path / "model.tflite",
        tf.TensorSpec([None, 8]),
        tf.TensorSpec([None, 4]),
    )
    interpreter = tfsparse.Interpreter(path, options=ALWAYS)
    for detail in interpreter.get_input_details():
        interpreter.resize_tensor_input(detail["index"], (0, detail["shape"][1]))
    interpreter.allocate_tensors()
    interpreter.invoke()
    assert interpreter.get_tensor(interpreter.get_output_details()[0]["index"]).shape == (0, 4)


def operators(model, name):
    graph = model.subgraphs[0]
    return [o for o in graph.operators if flatbuffer.operator_name(model, o) == name]


def output_of_another_type(model):
    graph = model.subgraphs[0]
    graph.tensors[
        operators(model, "CONV_2D")[-1].outputs[0]
    ].type = flatbuffer.schema.TensorType.INT8


def output_that_is_a_constant(model):
    graph = model.subgraphs[0]
    constant = copy.deepcopy(model.buffers[0])
    tensor = graph.tensors[operators(model, "CONV_2D")[-1].outputs[0]]
    constant.data = np.zeros(4 * int(np.prod(tensor.shape)), np.uint8)
    model.buffers.append(constant)
    tensor.buffer = len(model.buffers) - 1


def operators_backwards(model):
    model.subgraphs[0].operators.reverse()


def tensor_made_twice(model):
    graph = model.subgraphs[0]
    graph.operators.append(copy.deepcopy(operators(model, "CONV_2D")[0]))


def reads_an_input_that_is_left_out(model):
    reshape = operators(model, "RESHAPE")[0]
    reshape.inputs = [reshape.inputs[0], -1]


def wide_dilation(model):
    options = operators(model, "CONV_2D")[-1].builtinOptions
    options.dilationHFactor = options.dilationWFactor = 1 << 28


def weights_without_channels(model):
    graph = model.subgraphs[0]
    graph.tensors[operators(model, "CONV_2D")[-1].inputs[1]].shape = [0, 1, 1, 8]


@pytest.mark.parametrize(
    "damage",
    [
        output_of_another_type,
        output_that_is_a_constant,
        operators_backwards,
        tensor_made_twice,
        reads_an_input_that_is_left_out,
        wide_dilation,
        weights_without_channels,
    ],
)
def test_a_damaged_graph_does_not_crash(tmp_path, damage):
    """In a separate process, which must not crash. The graph may be refused or run."""
    inputs = networks.image(8, 4)
    x = layers.Conv2D(8, 3, activation="relu")(inputs)
    x = layers.Reshape((36, 8))(layers.Conv2D(8, 1)(x))
    path = Path(tfsparse.convert(keras.Model(inputs, x), tmp_path / "model.tflite"))
    model = flatbuffer.read(path)
    damage(model)
    path.write_bytes(flatbuffer.serialize(model))
    code = (
        "import tfsparse\n"
        "try:\n"
        f"    path, options = {str(path)!r}, {ALWAYS}\n"
        "    interpreter = tfsparse.Interpreter(path, runtime='litert', options=options)\n"
        "    interpreter.allocate_tensors(); interpreter.invoke()\n"
        "except (RuntimeError, ValueError) as error:\n"
        "    print('refused', error)\n"
        "print('ended')\n"
    )
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout.endswith("ended\n")
