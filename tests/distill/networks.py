"""A small teacher and smaller students, for tests of distillation."""

import keras
import numpy as np

CLASSES = 4


def network(width, name, *, last="softmax", dropout=0.0, regularizer=None, seed=0):
    """A classifier of (batch, 8, 8, 3): `spatial`, `pointwise` at half the size, `classifier`."""
    keras.utils.set_random_seed(seed)
    layers = keras.layers
    inputs = keras.Input((8, 8, 3))
    x = layers.Conv2D(width, 3, padding="same", name="spatial")(inputs)
    x = layers.ReLU(name="first")(layers.BatchNormalization(name="norm")(x))
    x = layers.Dropout(dropout, name="dropout")(x)
    x = layers.Conv2D(width, 1, strides=2, kernel_regularizer=regularizer, name="pointwise")(x)
    x = layers.ReLU(name="second")(x)
    x = layers.GlobalAveragePooling2D(name="mean")(x)
    x = layers.Dense(CLASSES, name="classifier")(x)
    outputs = layers.Activation(last, name="output")(x)
    return keras.Model(inputs, outputs, name=name)


def teacher(width=16, **options):
    return network(width, "large", seed=1, **options)


def student(width=8, **options):
    return network(width, "small", seed=2, **options)


class Subclassed(keras.Model):
    """A classifier whose computation cannot be read."""

    def __init__(self):
        super().__init__(name="subclassed")
        self.hidden = keras.layers.Dense(6, activation="relu")
        self.classifier = keras.layers.Dense(CLASSES)

    def call(self, inputs):
        return self.classifier(self.hidden(keras.ops.mean(inputs, axis=(1, 2))))


def data(count=32):
    rng = np.random.default_rng(0)
    return rng.normal(size=(count, 8, 8, 3)).astype(np.float32), np.arange(count) % CLASSES


def weights_of(model):
    return [weight.copy() for weight in model.get_weights()]


def same(before, model):
    """Whether a model has exactly the weights of before."""
    return all(np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True))
