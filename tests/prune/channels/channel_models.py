"""Little networks with channels to cut."""

import keras
import numpy as np
from keras import layers


def residual(compiled=True, seed=0):
    """Builds a network with one residual block, a branch that is concatenated, and a classifier."""
    keras.utils.set_random_seed(seed)
    inputs = keras.Input((4, 4, 3))
    x = _convolution(inputs, 8, "stem")
    y = _convolution(x, 8, "inside")
    y = layers.DepthwiseConv2D(3, padding="same", use_bias=False, name="depthwise")(y)
    y = layers.BatchNormalization(name="depthwise_norm")(y)
    y = layers.Conv2D(8, 1, name="outside")(y)
    x = layers.ReLU()(layers.Add(name="add")([x, y]))
    x = layers.Concatenate()([x, _convolution(x, 6, "branch")])
    x = layers.GlobalAveragePooling2D()(x)
    model = keras.Model(inputs, layers.Dense(3, activation="softmax", name="classifier")(x))
    rng = np.random.default_rng(seed)
    for variable in model.trainable_variables:
        if len(variable.shape) == 1:
            # As after some training: at 0 a bias hides where it is forgotten.
            variable.assign(variable + rng.uniform(-0.5, 0.5, variable.shape))
    if compiled:
        model.compile(keras.optimizers.SGD(0.05, momentum=0.9), "sparse_categorical_crossentropy")
    return model


def _convolution(x, channels, name):
    x = layers.Conv2D(channels, 3, padding="same", use_bias=False, name=name)(x)
    return layers.ReLU()(layers.BatchNormalization(name=f"{name}_norm")(x))
