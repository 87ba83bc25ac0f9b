"""Matrix products and attention, against TFLite's kernels."""

import itertools

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

import tfsparse
from tests.delegate.graph_builder import GraphBuilder
from tests.delegate.networks import randomize
from tests.delegate.outputs import check_outputs, explain, left_to_tflite
from tests.delegate.runs import write

BOTH = list(itertools.product([False, True], repeat=2))
# Leading dimensions of the two matrices.
LEADING = [((), ()), ((1, 3), (1, 3)), ((2, 1), (3,)), ((2,), (1,))]


def matrix(leading, rows, columns, transposed):
    return (*leading, columns, rows) if transposed else (*leading, rows, columns)


def product(builder, x, y, leading, *, adj_x=False, adj_y=False):
    """The product of matrices that are 37 x 8 and 8 x 19."""
    shape = (*np.broadcast_shapes(*leading), 37, 19)
    return builder.operator("BATCH_MATMUL", [x, y], shape, adjX=adj_x, adjY=adj_y)


@pytest.mark.parametrize("leading", LEADING, ids=str)
@pytest.mark.parametrize(("adj_x", "adj_y"), BOTH)
def test_two_computed_matrices(tmp_path, leading, adj_x, adj_y):
    builder = GraphBuilder()
    x = builder.input(matrix(leading[0], 37, 8, adj_x))
    y = builder.input(matrix(leading[1], 8, 19, adj_y))
    result = product(builder, x, y, leading, adj_x=adj_x, adj_y=adj_y)
    path = write(builder.finish([x, y], [result]), tmp_path / "model.tflite")
    assert left_to_tflite(path) == []
    check_outputs(path)


@pytest.mark.parametrize("leading", [((3, 2), (1, 1)), ((2,), ()), ((), ()), ((2,), (2,))], ids=str)
@pytest.mark.parametrize("adj_y", [False, True])
@pytest.mark.parametrize("half", [False, True])
def test_a_constant_matrix(tmp_path, leading, adj_y, half):
    builder = GraphBuilder()
    x = builder.input((*leading[0], 37, 8))
    random = np.random.default_rng(0)
    shape = matrix(leading[1], 8, 19, adj_y)
    values = random.standard_normal(shape) * (random.random(shape) < 0.3)
    y = builder.weights(values, half=half)
    result = product(builder, x, y, leading, adj_y=adj_y)
    path = write(builder.finish([x], [result]), tmp_path / "model.tflite")
    assert left_to_tflite(path) == []
    layer = next(o for o in explain(path).layers if o.operator == "BATCH_MATMUL")
    assert layer.kernel.startswith("matrix product" if leading[1] == (2,) else "sparse")
    check_outputs(path)


def attention(tokens, *, others=None, heads=2):
    """A model of multi-head attention over `tokens`, or of them over `others`."""
    x = keras.Input((tokens, 24), batch_size=1)
    y = keras.Input((others, 24), batch_size=1) if others else x
    attended = layers.MultiHeadAttention(heads, 12)(x, y)
    return randomize(keras.Model([x, y] if others else x, attended))


@pytest.mark.parametrize("others", [None, 7])
def test_multi_head_attention(tmp_path, others):
    path = tmp_path / "model.tflite"
    tfsparse.convert(attention(21, others=others), path)
    assert left_to_tflite(path) == []
    assert "BATCH_MATMUL" in {layer.operator for layer in explain(path).layers}
    check_outputs(path)


@pytest.mark.usefixtures("calibrate_here")
def test_int8_attention(tmp_path):
    path = tmp_path / "model.tflite"
    examples = np.random.default_rng(0).standard_normal((4, 21, 24)).astype(np.float32)
    tfsparse.convert(attention(21), path, weights="int8", representative_dataset=examples)
    assert left_to_tflite(path) == []


def test_other_sizes(tmp_path):
    path = tmp_path / "model.tflite"
    converter = tf.lite.TFLiteConverter.from_concrete_functions(
        [tf.function(tf.matmul).get_concrete_function(*[tf.TensorSpec((None, 6, 6))] * 2)]
    )
    path.write_bytes(converter.convert())
    for batch in (1, 3):
        check_outputs(path, shape=(batch, 6, 6))
