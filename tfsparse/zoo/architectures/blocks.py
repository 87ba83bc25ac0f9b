"""Parts that several architectures share."""

import keras
from keras import layers, ops


def inverted_residual(
    x,
    expansion,
    channels,
    strides,
    kernel=3,
    activation="relu6",
    momentum=0.99,
    symmetric=False,
):
    """Applies a 1x1 convolution to more channels, a depthwise one, and a 1x1 one to `channels`."""
    shortcut = x
    if expansion > 1:
        x = pointwise(x, expansion * x.shape[-1], activation, momentum)
    x = depthwise(x, strides, kernel, activation, momentum, symmetric)
    x = pointwise(x, channels, None, momentum)
    return layers.Add()([x, shortcut]) if x.shape == shortcut.shape else x


def pointwise(x, channels, activation="relu6", momentum=0.99):
    """Applies a 1x1 convolution, a BatchNormalization, and an activation unless it is None."""
    return norm(layers.Conv2D(channels, 1, use_bias=False)(x), activation, momentum)


def convolution(x, channels, kernel, strides=1, activation="relu6"):
    """Applies the same with a kernel of any size."""
    x = layers.Conv2D(channels, kernel, strides, padding="same", use_bias=False)(x)
    return norm(x, activation)


def depthwise(x, strides=1, kernel=3, activation="relu6", momentum=0.99, symmetric=False):
    """Applies the same with a depthwise convolution; `symmetric` pads all sides by as much."""
    padding = "same"
    if symmetric and strides > 1:
        x, padding = layers.ZeroPadding2D(kernel // 2)(x), "valid"
    x = layers.DepthwiseConv2D(kernel, strides, padding=padding, use_bias=False)(x)
    return norm(x, activation, momentum)


def norm(x, activation="relu6", momentum=0.99):
    """Applies a BatchNormalization, and an activation unless it is None."""
    x = layers.BatchNormalization(momentum=momentum)(x)
    if activation is None:
        return x
    return layers.ReLU(6.0)(x) if activation == "relu6" else layers.Activation(activation)(x)


def transformer(x, heads, hidden, activation, epsilon=1e-6):
    """Applies self-attention and two dense layers, each after a norm and beside a shortcut.

    Args:
        x: Keras tensor, (batch, tokens, width).
        heads: number of heads, which share the width.
        hidden: units of the first dense layer.
        activation: of the first dense layer.
        epsilon: of the norms.
    """
    width = x.shape[-1]
    y = layers.LayerNormalization(epsilon=epsilon)(x)
    x = layers.Add()([x, layers.MultiHeadAttention(heads, width // heads)(y, y)])
    y = layers.LayerNormalization(epsilon=epsilon)(x)
    y = layers.Dense(width)(layers.Dense(hidden, activation=activation)(y))
    return layers.Add()([x, y])


@keras.saving.register_keras_serializable(package="tfsparse.zoo")
class ClassToken(layers.Layer):
    """Puts a trained token before those of each example."""

    def build(self, input_shape):
        """Makes the token."""
        self.token = self.add_weight(shape=(1, 1, input_shape[-1]), name="token")

    def call(self, x):
        """Returns the tokens (batch, tokens + 1, width) of tokens (batch, tokens, width)."""
        token = ops.broadcast_to(self.token, (ops.shape(x)[0], 1, x.shape[-1]))
        return ops.concatenate([token, x], axis=1)


@keras.saving.register_keras_serializable(package="tfsparse.zoo")
class Positions(layers.Layer):
    """Adds a trained vector to the token at each position."""

    def build(self, input_shape):
        """Makes the vectors."""
        self.vectors = self.add_weight(shape=(1, *input_shape[1:]), name="vectors")

    def call(self, x):
        """Returns the sums, of the same shape."""
        return x + self.vectors
