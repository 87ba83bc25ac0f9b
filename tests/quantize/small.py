"""A small network of convolutions with BatchNormalization, and data for it."""

import keras
import numpy as np
from keras import layers


def network(names=("first", "second", "third", "last"), seed=0):
    """A network with 3x3 convolutions of these names but the last, which is a dense layer's."""
    keras.utils.set_random_seed(seed)
    x = inputs = keras.Input((6, 6, 3))
    for name in names[:-1]:
        x = layers.Conv2D(12, 3, padding="same", use_bias=False, name=name)(x)
        x = layers.ReLU()(layers.BatchNormalization()(x))
    outputs = layers.Dense(4, name=names[-1])(layers.GlobalAveragePooling2D()(x))
    return keras.Model(inputs, outputs)


def compiled(model, optimizer="adam"):
    """The model, compiled for `data`."""
    model.compile(optimizer, keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    return model


def data(count=32):
    """Random inputs and labels."""
    rng = np.random.default_rng(0)
    return rng.normal(size=(count, 6, 6, 3)).astype(np.float32), rng.integers(0, 4, count)


def kernels(model):
    """The kernels of a model by the name of the layer."""
    return {layer.name: layer.kernel.numpy() for layer in model.layers if hasattr(layer, "kernel")}


def fit(model, *callbacks, epochs=2, **options):
    """Trains a model on `data` in batches of 8."""
    return model.fit(*data(), 8, epochs, verbose=0, callbacks=list(callbacks), **options)
