"""MobileNetV4 of convolutions alone, from Qin et al. (https://arxiv.org/abs/2404.10518)."""

from keras import Model, layers

from tfsparse.zoo.architectures import blocks

# As in the authors' official/vision/modeling/backbones/mobilenet.py of
# https://github.com/tensorflow/models. A block is the kernel of the depthwise convolution before
# the expansion, that of the one after it (0 where there is none), expansion, channels, strides.
SMALL_BLOCKS = (
    (5, 5, 3, 96, 2),
    *((0, 3, 2, 96, 1),) * 4,
    (3, 0, 4, 96, 1),
    (3, 3, 6, 128, 2),
    (5, 5, 4, 128, 1),
    (0, 5, 4, 128, 1),
    (0, 5, 3, 128, 1),
    *((0, 3, 4, 128, 1),) * 2,
)
MEDIUM_BLOCKS = (
    (3, 5, 4, 80, 2),
    (3, 3, 2, 80, 1),
    (3, 5, 6, 160, 2),
    *((3, 3, 4, 160, 1),) * 2,
    (3, 5, 4, 160, 1),
    (3, 3, 4, 160, 1),
    (3, 0, 4, 160, 1),
    (0, 0, 2, 160, 1),
    (3, 0, 4, 160, 1),
    (5, 5, 6, 256, 2),
    (5, 5, 4, 256, 1),
    *((3, 5, 4, 256, 1),) * 2,
    (0, 0, 4, 256, 1),
    (3, 0, 4, 256, 1),
    (3, 5, 2, 256, 1),
    (5, 5, 4, 256, 1),
    *((0, 0, 4, 256, 1),) * 2,
    (5, 0, 2, 256, 1),
)


def mobilenet_v4_conv_small(inputs, classes=1000):
    """Builds MobileNetV4-Conv-S.

    Args:
        inputs: Keras tensor of pictures, from -1 to 1.
        classes: number of outputs, a softmax over them.
    """
    x = blocks.convolution(inputs, 32, 3, 2, "relu")
    for hidden, channels in ((32, 32), (96, 64)):
        x = blocks.convolution(x, hidden, 3, 2, "relu")
        x = blocks.pointwise(x, channels, "relu")
    return Model(inputs, _head(_universal_inverted_bottlenecks(x, SMALL_BLOCKS), classes))


def mobilenet_v4_conv_medium(inputs, classes=1000):
    """Builds MobileNetV4-Conv-M; arguments as for `mobilenet_v4_conv_small`."""
    x = blocks.convolution(inputs, 32, 3, 2, "relu")
    x = blocks.convolution(x, 128, 3, 2, "relu")
    x = blocks.pointwise(x, 48, None)
    return Model(inputs, _head(_universal_inverted_bottlenecks(x, MEDIUM_BLOCKS), classes))


def _universal_inverted_bottlenecks(x, rows):
    for before, after, expansion, channels, strides in rows:
        shortcut = x
        if before:
            x = blocks.depthwise(x, 1 if after else strides, before, None)
        x = blocks.pointwise(x, expansion * shortcut.shape[-1], "relu")
        if after:
            x = blocks.depthwise(x, strides, after, "relu")
        x = blocks.pointwise(x, channels, None)
        if x.shape == shortcut.shape:
            x = layers.Add()([x, shortcut])
    return x


def _head(x, classes):
    x = layers.GlobalAveragePooling2D(keepdims=True)(blocks.pointwise(x, 960, "relu"))
    x = layers.Flatten()(blocks.pointwise(x, 1280, "relu"))
    return layers.Dense(classes, activation="softmax")(x)
