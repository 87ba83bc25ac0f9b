import os
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from ai_edge_litert import interpreter as litert

import tfsparse
from tests.converter.single_op import merged, pruned, quantized_op, run, single_op
from tfsparse import flatbuffer
from tfsparse.converter.float16 import halve


def operators(model):
    graph = model.subgraphs[0]
    return [flatbuffer.operator_name(model, op) for op in graph.operators]


def rounded(shape):
    """A model whose weights and bias float16 holds without an error."""
    return single_op(pruned(shape, 0.5).astype(np.float16).astype(np.float32))


@pytest.mark.parametrize("runtime", [tf.lite, litert])
@pytest.mark.parametrize("resolver", ["AUTO", "BUILTIN_WITHOUT_DEFAULT_DELEGATES"])
def test_halved_weights_run_like_float32_ones(runtime, resolver):
    resolvers = litert.OpResolverType
    if runtime is tf.lite:
        resolvers = tf.lite.experimental.OpResolverType
    options = {"experimental_op_resolver_type": getattr(resolvers, resolver)}
    model = merged([rounded(shape) for shape in [(32, 48), (16, 1, 1, 32), (8, 3, 3, 16)]])
    wide = flatbuffer.serialize(model)
    assert halve(model) == 6
    half = flatbuffer.serialize(model)
    assert len(half) < 0.7 * len(wide)
    outputs, expected = (
        run(runtime.Interpreter(model_content=content, **options)) for content in (half, wide)
    )
    for output, wanted in zip(outputs, expected, strict=True):
        np.testing.assert_allclose(output, wanted, rtol=1e-5, atol=1e-5)


def test_a_file_becomes_what_its_keras_model_becomes(tmp_path):
    model = keras.Sequential(
        [
            keras.Input((16, 16, 3)),
            keras.layers.Conv2D(32, 3, activation="relu"),
            keras.layers.DepthwiseConv2D(3),
            keras.layers.Conv2D(64, 1),
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dense(100),
        ]
    )
    tfsparse.GradualPruning(0.8, scope="all").apply(model)
    wide = tfsparse.convert(model, tmp_path / "wide.tflite")
    half = tfsparse.convert(wide, tmp_path / "half.tflite", weights="float16")
    wanted = tfsparse.convert(model, tmp_path / "wanted.tflite", weights="float16")
    assert abs(os.path.getsize(half) - os.path.getsize(wanted)) < 2000
    assert operators(flatbuffer.read(half)).count("DENSIFY") > 1
    np.testing.assert_array_equal(run(litert.Interpreter(half)), run(litert.Interpreter(wanted)))
    again = tfsparse.convert(half, tmp_path / "again.tflite", weights="float16")
    assert os.path.getsize(again) == os.path.getsize(half)


def test_a_file_stays_in_float32_where_that_is_smaller(tmp_path, caplog):
    """Each tensor of float16 needs a DEQUANTIZE, and sparse weights are few bytes."""
    path = tmp_path / "wide.tflite"
    path.write_bytes(flatbuffer.serialize(single_op(pruned((4, 8), 0.5))))
    half = tfsparse.convert(path, tmp_path / "half.tflite", weights="float16")
    assert Path(half).read_bytes() == path.read_bytes()
    assert "as it was asked for: it stays as it is" in caplog.text


def test_numbers_beyond_float16_stay_float32():
    weights = pruned((32, 48), 0)
    weights[3, 5] = 1e5
    model = single_op(weights)
    assert halve(model) == 1  # the bias
    assert flatbuffer.dtype_name(model.subgraphs[0].tensors[1]) == "float32"
    assert flatbuffer.is_constant(model, model.subgraphs[0].tensors[1])


def test_constants_that_are_outputs_too_and_int8_ones_stay():
    model = single_op(pruned((32, 48), 0))
    model.subgraphs[0].outputs = [3, 1, 2]
    assert halve(model) == 0
    assert halve(quantized_op(pruned((32, 48), 0, np.int8))) == 0


def test_a_buffer_that_two_tensors_share_is_halved_once():
    model = single_op(pruned((64, 100), 0))
    wide = len(flatbuffer.serialize(model))
    model.subgraphs *= 2
    model = flatbuffer.parse(flatbuffer.serialize(model))
    assert halve(model) == 4
    assert len(flatbuffer.serialize(model)) < 0.6 * wide


def test_metadata_that_counts_the_operators_keeps_the_weights():
    model = single_op(pruned((64, 100), 0))
    name = b"model_control_dependencies"
    model.metadata = [flatbuffer.schema.MetadataT(name=name, buffer=0)]
    assert halve(model) == 0
