"""Networks for speech."""

from keras import Model, layers, ops

from tfsparse.zoo.architectures import blocks


def ds_cnn_large(inputs, classes=12):
    """Builds DS-CNN-L, which spots keywords: depthwise separable convolutions.

    From Zhang et al., "Hello Edge" (https://arxiv.org/abs/1711.07128).

    Args:
        inputs: Keras tensor of coefficients, (batch, time, coefficients, 1), 49x10 in the paper.
        classes: number of outputs, a softmax over them.
    """
    x = blocks.convolution(inputs, 276, (10, 4), (2, 1), "relu")
    for strides in (2, 1, 1, 1, 1):
        x = blocks.depthwise(x, strides, activation="relu")
        x = blocks.pointwise(x, 276, "relu")
    x = layers.GlobalAveragePooling2D()(x)
    return Model(inputs, layers.Dense(classes, activation="softmax")(x))


def conformer(inputs, depth=4, width=144, heads=4, kernel=31, classes=256):
    """Builds the encoder of a Conformer with a softmax, as it is trained with CTC.

    From Gulati et al., "Conformer" (https://arxiv.org/abs/2005.08100), whose Conformer-S has 16
    blocks. Positions are trained vectors; those of the paper are relative.

    Args:
        inputs: Keras tensor of log-mel features, (batch, time, features); the time is fixed.
        depth: number of blocks.
        width: channels of all blocks.
        heads: heads of each attention.
        kernel: of the depthwise convolutions, in steps of 1/4 of the time.
        classes: number of outputs at each step, a softmax over them.
    """
    x = layers.Reshape((*inputs.shape[1:], 1))(inputs)
    for _ in range(2):
        x = layers.Conv2D(width, 3, 2, padding="same", activation="relu")(x)
    x = layers.Reshape((x.shape[1], x.shape[2] * width))(x)
    x = blocks.Positions()(layers.Dense(width)(x))
    for _ in range(depth):
        x = _conformer_block(x, heads, kernel)
    return Model(inputs, layers.Dense(classes, activation="softmax")(x))


def _conformer_block(x, heads, kernel):
    x = _half_feed_forward(x)
    y = layers.LayerNormalization()(x)
    x = layers.Add()([x, layers.MultiHeadAttention(heads, x.shape[-1] // heads)(y, y)])
    x = layers.Add()([x, _convolution_module(x, kernel)])
    return layers.LayerNormalization()(_half_feed_forward(x))


def _half_feed_forward(x):
    width = x.shape[-1]
    y = layers.Dense(4 * width, activation="swish")(layers.LayerNormalization()(x))
    return layers.Add()([x, 0.5 * layers.Dense(width)(y)])


def _convolution_module(x, kernel):
    width = x.shape[-1]
    x = layers.Conv1D(2 * width, 1)(layers.LayerNormalization()(x))
    x, gate = ops.split(x, 2, axis=-1)
    x = layers.Multiply()([x, layers.Activation("sigmoid")(gate)])
    x = layers.DepthwiseConv1D(kernel, padding="same", use_bias=False)(x)
    return layers.Conv1D(width, 1)(blocks.norm(x, "swish"))
