import keras
import numpy as np
import pytest
from keras import layers

from tfsparse.quantize import folding


def randomize(model, seed=0):
    rng = np.random.default_rng(seed)
    for layer in model.layers:
        for variable in layer.weights:
            variable.assign(
                rng.uniform(0.2, 1.5, variable.shape) * rng.choice([-1, 1], variable.shape)
            )
        if isinstance(layer, layers.BatchNormalization):
            layer.moving_variance.assign(rng.uniform(0.2, 1.5, layer.moving_variance.shape))
    return model


def network(normalized, **options):
    """A layer with a BatchNormalization behind it."""
    shape = (6, 6, 4) if "2D" in type(normalized).__name__ else (6, 4)
    inputs = keras.Input(shape)
    x = layers.BatchNormalization(**options)(normalized(inputs))
    return randomize(keras.Model(inputs, layers.ReLU()(x)))


@pytest.mark.parametrize(
    "layer",
    [
        lambda: layers.Conv2D(5, 3),
        lambda: layers.Conv2D(5, 1, use_bias=False),
        lambda: layers.Conv1D(5, 3),
        lambda: layers.Dense(5),
        lambda: layers.SeparableConv2D(5, 3),
    ],
)
@pytest.mark.parametrize("options", [{}, {"scale": False}, {"center": False, "epsilon": 0.02}])
def test_folding_changes_no_output(layer, options):
    model = network(layer(), **options)
    x = np.random.default_rng(1).normal(size=(2, *model.input_shape[1:])).astype(np.float32)
    expected = model.predict(x, verbose=0)
    ((before, norm),), shared = folding.followers(model)
    assert not shared
    folding.fold(before, norm)
    np.testing.assert_allclose(model.predict(x, verbose=0), expected, rtol=1e-4, atol=1e-4)
    factor = 1 / np.sqrt(norm.moving_variance.numpy() + np.float32(norm.epsilon))
    assert np.all(factor * (norm.gamma.numpy() if norm.scale else 1) == 1)
    kernel = before.get_weights()[0]
    folding.fold(before, norm)
    np.testing.assert_array_equal(before.get_weights()[0], kernel)


def test_only_what_tflite_folds_is_found():
    x = inputs = keras.Input((6, 6, 4))
    first = layers.Conv2D(4, 3, activation=layers.ReLU())  # which is in between
    x = layers.BatchNormalization()(first(x))
    x = layers.Conv2D(4, 1)(x)
    y = layers.BatchNormalization()(x)  # the convolution has another reader
    outputs = layers.Add()([x, y])
    found, shared = folding.followers(keras.Model(inputs, outputs))
    assert found == shared == []


def test_a_layer_that_is_called_twice_is_not_folded():
    inputs = keras.Input((6, 4))
    dense = layers.Dense(4)
    a = layers.BatchNormalization()(dense(inputs))
    b = layers.BatchNormalization()(dense(a))
    found, shared = folding.followers(keras.Model(inputs, b))
    assert found == []
    assert shared == [dense, dense]


@pytest.mark.parametrize("epsilon", [1e-3, 1e-5, 0.1, 1e-7, 0.3])
def test_the_variance_gives_exactly_one(epsilon):
    assert folding._variance_of_one(np.float32(epsilon)) + np.float32(epsilon) == 1


def test_inference_statistics_end_with_the_context():
    norm = layers.BatchNormalization()
    x = np.float32([[1.0], [3.0]])
    norm.build(x.shape)
    with folding.InferenceStatistics([norm]):
        np.testing.assert_allclose(norm(x, training=True), x, rtol=1e-3)
    assert norm.moving_mean.numpy() == 0
    np.testing.assert_allclose(norm(x, training=True), [[-1], [1]], rtol=1e-2)
