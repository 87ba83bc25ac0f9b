"""Dense layers over one or many rows, and operators on rows, against TFLite's kernels."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.delegate.networks import convert_function
from tests.delegate.outputs import check_outputs, explain, left_to_tflite

SHAPES = [(1, 8), (5, 8), (2, 3, 8), (3, 1, 1, 8), (2, 3, 4, 8), (2, 2, 1, 3, 8)]


def dense(x, units, seed=0):
    """The product of the last dimension and a matrix with half of its numbers zero."""
    random = np.random.default_rng(seed)
    shape = (x.shape[-1], units)
    matrix = (random.standard_normal(shape) * (random.random(shape) < 0.5)).astype(np.float32)
    return tf.matmul(x, matrix) if len(x.shape) == 2 else tf.tensordot(x, matrix, 1)


def check(function, path, shape):
    convert_function(function, path, tf.TensorSpec(shape))
    assert "FULLY_CONNECTED" in {layer.operator for layer in explain(path).layers}
    assert left_to_tflite(path) == []
    check_outputs(path)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_successive_layers(tmp_path, shape):
    def network(x):
        hidden = tf.nn.relu(dense(x, 20, 1) + np.float32(0.5))
        scaled = tf.tanh(dense(hidden, 6, 2)) * np.arange(6, dtype=np.float32)
        return [hidden, x + dense(scaled, 8, 3)]

    check(network, tmp_path / "model.tflite", shape)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_moves_of_rows(tmp_path, shape):
    rank = len(shape)

    def network(x):
        y = dense(x, 6)
        inner = tf.slice(y, [0] * (rank - 1) + [1], [-1] * (rank - 1) + [4])
        moved = [
            tf.concat([y, x], -1),
            tf.concat([y, y], rank - 2),
            tf.split(y, 2, -1)[1],
            inner,
            tf.pad(y, [(1, 2)] + [(0, 0)] * (rank - 2) + [(0, 1)]),
            tf.transpose(y, [*range(rank - 2), rank - 1, rank - 2]),
        ]
        return [dense(z, 5, 1) for z in moved] + [z * 2.0 for z in moved]

    check(network, tmp_path / "model.tflite", shape)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_operators_across_rows_or_within_them(tmp_path, shape):
    def network(x):
        y = dense(x, 6)
        per_row = np.linspace(0.5, 1.5, np.prod(shape[:-1])).reshape(*shape[:-1], 1)
        sums = [tf.reduce_mean(y, axis, keepdims=True) for axis in range(len(shape))]
        if len(shape) > 2:
            sums.append(tf.reduce_sum(y, [1, 2]))
        return [tf.nn.softmax(y), y * per_row.astype(np.float32), *sums]

    check(network, tmp_path / "model.tflite", shape)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_layer_normalization(tmp_path, shape):
    layer = keras.layers.LayerNormalization(epsilon=1e-3)
    layer.build(shape)
    random = np.random.default_rng(0)
    layer.set_weights([random.standard_normal(8), random.standard_normal(8)])
    network = lambda x: dense(layer(dense(x, 8)) + x, 4, 1)  # noqa: E731
    check(network, tmp_path / "model.tflite", shape)
    kernels = [layer.kernel for layer in explain(tmp_path / "model.tflite").layers]
    assert "layer normalization" in kernels


def test_squared_difference(tmp_path):
    network = lambda x: dense(tf.math.squared_difference(dense(x, 8), x), 4, 1)  # noqa: E731
    check(network, tmp_path / "model.tflite", (2, 3, 8))


def test_sizes_that_keras_computes_at_run_time(tmp_path):
    """Of a dense layer on images, batch open: SHAPE, GATHER, REDUCE_PROD, CONCATENATION, PACK."""
    model = keras.Sequential([keras.layers.Dense(6, "relu"), keras.layers.Dense(4)])
    path = convert_function(model, tmp_path / "model.tflite", tf.TensorSpec([None, 3, 5, 8]))
    assert {"GATHER", "REDUCE_PROD"} <= {layer.operator for layer in explain(path).layers}
    assert left_to_tflite(path) == []
    for batch in (1, 2, 7):
        check_outputs(path, shape=(batch, 3, 5, 8))


def test_arithmetic_on_sizes(tmp_path):
    def network(x):
        rows = tf.shape(x)[0] * tf.shape(x)[1]
        twice = tf.reshape(dense(x, 6), tf.stack([rows * 2, 3]))
        return dense(tf.reshape(twice, tf.stack([tf.maximum(rows + 0, 1), 6])), 5)

    path = convert_function(network, tmp_path / "model.tflite", tf.TensorSpec([None, None, 8]))
    assert left_to_tflite(path) == []
    check_outputs(path, shape=(3, 2, 8))


def test_a_batch_of_another_size(tmp_path):
    path = tmp_path / "model.tflite"
    function = lambda x: tf.nn.relu(dense(dense(x, 20, 1), 8, 2)) + x  # noqa: E731
    convert_function(function, path, tf.TensorSpec((None, 8)))
    assert left_to_tflite(path) == []
    for rows in (1, 2, 7, 16, 33):
        check_outputs(path, shape=(rows, 8))
