import importlib

import numpy as np
import pytest


@pytest.fixture(params=["keras", "tf_keras"])
def keras(request):
    """Each of the two Keras packages that models come from."""
    keras = importlib.import_module(request.param)
    keras.utils.set_random_seed(0)
    yield keras
    keras.mixed_precision.set_global_policy("float32")


@pytest.fixture
def data():
    """40 pictures and labels: 5 batches of 8."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(40, 4, 4, 3)).astype(np.float32)
    return x, rng.integers(0, 3, size=40)


@pytest.fixture
def make_model(keras):
    """Builds a network with a stem, two 1x1 convolutions and a classifier."""

    def make(optimizer="sgd", compiled=True, **options):
        layers = keras.layers
        model = keras.Sequential(
            [
                layers.Input((4, 4, 3)),
                layers.Conv2D(8, 3, padding="same", activation="relu", name="stem"),
                layers.Conv2D(10, 1, activation="relu", name="expand"),
                layers.Conv2D(6, 1, name="project"),
                layers.GlobalAveragePooling2D(),
                layers.Dense(3, name="classifier"),
            ]
        )
        if compiled:
            model.compile(optimizer, "sparse_categorical_crossentropy", **options)
        return model

    return make


@pytest.fixture
def fit(data):
    """Trains a model: `fit(model, callback, ...)`, 5 batches an epoch."""

    def run(model, *callbacks, epochs=2, **options):
        x, y = data
        return model.fit(
            x, y, batch_size=8, epochs=epochs, verbose=0, callbacks=list(callbacks), **options
        )

    return run


@pytest.fixture
def sparsity():
    """Returns the fraction of exact zeros in a layer's kernel."""

    def measure(model, layer):
        return float(np.mean(model.get_layer(layer).kernel.numpy() == 0))

    return measure
