"""MobileNetV2 for pictures of other sizes, and as XNNPACK asks for it."""

import dataclasses

from keras import Input, Model, layers

from tfsparse.zoo.architectures import blocks


@dataclasses.dataclass(frozen=True)
class MobileNetV2Size:
    """The layers of a MobileNetV2 for small pictures.

    Attributes:
        stem: Channels of the first convolution.
        blocks: Expansion, channels, repeats and strides of each stage.
        head: Channels of the last convolution.
    """

    stem: int
    blocks: tuple[tuple[int, int, int, int], ...]
    head: int


SMALL = MobileNetV2Size(16, ((1, 16, 1, 1), (6, 24, 2, 2), (6, 48, 2, 2)), 192)

# Of MobileNetV2 (table 2 of its paper): expansion, channels, repeats, strides.
MOBILENET_V2_BLOCKS = (
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
)

# The same without one of its strides: of 32x32 pixels the last feature map is 4x4.
CIFAR = MobileNetV2Size(32, (MOBILENET_V2_BLOCKS[0], (6, 24, 2, 1), *MOBILENET_V2_BLOCKS[2:]), 1280)


def small_mobilenet_v2(input_shape, classes, width=1.0):
    """Builds a MobileNetV2 for pictures of about 32x32: the same blocks, fewer and less strided.

    Args:
        input_shape: height, width and channels.
        classes: number of outputs, a softmax over them.
        width: factor on the number of channels of all layers.

    Returns:
        An untrained `keras.Model` that takes pixels from 0 to 255.
    """
    inputs = Input(input_shape)
    x = layers.Rescaling(1 / 127.5, offset=-1)(inputs)
    return Model(inputs, _mobilenet_v2(x, SMALL, width, classes, stem_strides=2))


def cifar_mobilenet_v2(inputs, width=1.0, classes=10, stem_strides=1, size=CIFAR):
    """Builds MobileNetV2 for pictures of 32x32, without the strides they are too small for.

    `keras.applications.MobileNetV2` would leave one pixel of such a picture. From Sandler et al.,
    "MobileNetV2", 2018 (https://arxiv.org/abs/1801.04381).

    Args:
        inputs: Keras tensor of pictures, (batch, height, width, channels), from -1 to 1.
        width: factor on the number of channels of all layers.
        classes: number of outputs, a softmax over them.
        stem_strides: 1, or 2, which makes the rest about four times faster.
        size: `CIFAR`, 17 blocks as in the paper, or `SMALL`, 5 blocks.
    """
    return Model(inputs, _mobilenet_v2(inputs, size, width, classes, stem_strides))


def mobilenet_v2_padded(inputs, classes=1000):
    """Builds MobileNetV2 as XNNPACK's own sparse mode asks for it, on arm64 and WebAssembly.

    Where a layer has strides 2, one pixel is added on all four sides; `padding="same"` adds none
    above and on the left.

    Args:
        inputs: Keras tensor of pictures, from -1 to 1.
        classes: number of outputs, a softmax over them.
    """
    x = layers.GlobalAveragePooling2D()(_padded_features(inputs))
    return Model(inputs, layers.Dense(classes, activation="softmax", name="classifier")(x))


def mobilenet_v2_convolutional(inputs, classes=1000):
    """Builds `mobilenet_v2_padded` with a 1x1 convolution of the pooled features as its classifier.

    XNNPACK's sparse mode, if most of its weights are zero, fails when tensors are allocated
    (ai-edge-litert 2.3.0 on arm64).

    Args:
        inputs: Keras tensor of pictures, from -1 to 1.
        classes: number of outputs, a softmax over them.
    """
    x = layers.GlobalAveragePooling2D(keepdims=True)(_padded_features(inputs))
    x = layers.Conv2D(classes, 1, name="classifier")(x)
    return Model(inputs, layers.Softmax()(layers.Flatten()(x)))


def _mobilenet_v2(x, size, width, classes, stem_strides):
    """The scores of a MobileNetV2 without the strides that pictures of 32x32 are too small for."""
    # Statistics settle within the few hundred steps of a short training.
    momentum = 0.9
    x = layers.Conv2D(round(size.stem * width), 3, stem_strides, padding="same", use_bias=False)(x)
    x = blocks.norm(x, momentum=momentum)
    for expansion, channels, repeats, strides in size.blocks:
        for i in range(repeats):
            x = blocks.inverted_residual(
                x, expansion, round(channels * width), strides if i == 0 else 1, momentum=momentum
            )
    x = layers.GlobalAveragePooling2D()(
        blocks.pointwise(x, round(size.head * width), momentum=momentum)
    )
    return layers.Dense(classes, activation="softmax")(x)


def _padded_features(inputs):
    """MobileNetV2 up to its pooling, with symmetric padding."""
    x = layers.ZeroPadding2D(1)(inputs)
    x = blocks.norm(layers.Conv2D(32, 3, 2, use_bias=False)(x))
    for expansion, channels, repeats, strides in MOBILENET_V2_BLOCKS:
        for i in range(repeats):
            x = blocks.inverted_residual(
                x, expansion, channels, strides if i == 0 else 1, symmetric=True
            )
    return blocks.pointwise(x, 1280)
