"""A small trained network, and data that it learns at once."""

import numpy as np
import pytest


@pytest.fixture(scope="session")
def trained():
    """A compiled model of four layers with kernels, and its data `(x, y)`."""
    import keras

    keras.utils.set_random_seed(0)
    layers = keras.layers
    inputs = keras.Input((8, 8, 4))
    x = layers.Conv2D(16, 3, padding="same", use_bias=False, name="stem")(inputs)
    x = layers.BatchNormalization(name="stem_norm")(x)
    x = layers.ReLU()(x)
    x = layers.Conv2D(32, 1, activation="relu", name="wide")(x)
    x = layers.BatchNormalization(name="wide_norm")(x)
    x = layers.Conv2D(16, 1, activation="relu", name="narrow")(x)
    x = layers.GlobalAveragePooling2D()(x)
    model = keras.Model(inputs, layers.Dense(4, name="head")(x))
    rng = np.random.default_rng(0)
    x = rng.normal(size=(256, 8, 8, 4)).astype(np.float32)
    y = x.mean(axis=(1, 2)).argmax(axis=1)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(0.01), loss, metrics=["accuracy"])
    model.fit(x, y, epochs=8, batch_size=32, verbose=0)
    return model, (x, y)
