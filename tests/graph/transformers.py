"""A little transformer of Keras layers."""

import keras

from tests.graph.shrinking import randomize

L = keras.layers


class Positions(L.Layer):
    """Adds a vector to each position."""

    def build(self, shape):
        self.vectors = self.add_weight(shape=shape[1:], name="vectors")

    def call(self, x):
        return x + self.vectors


def vision_transformer():
    """Builds a network with a block of 4 heads of 3 features, and 12 units between dense layers."""
    keras.utils.set_random_seed(0)
    inputs = L.Input((4, 4, 3))
    x = Positions()(L.Reshape((4, 8))(L.Conv2D(8, 2, 2, name="patches")(inputs)))
    y = L.LayerNormalization()(x)
    x = L.Add()([x, L.MultiHeadAttention(4, 3, name="attention")(y, y)])
    y = L.Dense(12, "gelu", name="widen")(L.LayerNormalization()(x))
    x = L.Add()([x, L.Dense(8, name="narrow")(L.Dropout(0.1)(y))])
    x = L.GlobalAveragePooling1D()(L.LayerNormalization()(x))
    model = keras.Model(inputs, L.Dense(3, "softmax", name="classifier")(x))
    randomize(model)
    return model
