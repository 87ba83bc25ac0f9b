"""Architectures that `keras.applications` does not have, with random weights."""

import dataclasses

from keras import Input, Model, applications, layers


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

# Of EfficientNet-B0, and so of Lite0: kernel, expansion, channels, repeats, strides.
EFFICIENTNET_BLOCKS = (
    (3, 1, 16, 1, 1),
    (3, 6, 24, 2, 2),
    (5, 6, 40, 2, 2),
    (3, 6, 80, 3, 2),
    (5, 6, 112, 3, 1),
    (5, 6, 192, 4, 2),
    (3, 6, 320, 1, 1),
)

# Of the decoder of u_net: channels, and the encoder's last layer at the same height and width.
DECODER_STAGES = (
    (192, "block_13_expand_relu"),
    (96, "block_6_expand_relu"),
    (48, "block_3_expand_relu"),
    (32, "block_1_expand_relu"),
)


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


def cifar_resnet(inputs, depth=20, width=16, classes=10, stem_strides=1):
    """Builds the ResNet of pictures of 32x32: three stages of blocks of two 3x3 convolutions.

    From He et al., "Deep Residual Learning for Image Recognition", 2016, section 4.2
    (https://arxiv.org/abs/1512.03385). Where a stage begins, the shortcut is a 1x1 convolution
    with strides 2 (the paper's option B; its figures for CIFAR-10 are of option A, which pads with
    zeros): all channels then pass through weights, and a smaller network can be cut from it.

    Args:
        inputs: Keras tensor of pictures, (batch, height, width, channels), from -1 to 1.
        depth: number of layers with weights, 6 n + 2: 20, 32, 44, 56 or 110 in the paper.
        width: channels of the first stage; the second has twice and the third four times as many.
        classes: number of outputs, a softmax over them.
        stem_strides: 1 as in the paper; 2 makes the rest about four times faster.

    Raises:
        ValueError: `depth` is not 6 n + 2 for an n of at least 1.
    """
    if depth < 8 or (depth - 2) % 6:
        raise ValueError(f"Expected a depth of 8, 14, 20, ... (6 n + 2). Received: {depth}")
    x = _convolution(inputs, width, "stem", strides=stem_strides)
    for stage in range(3):
        for block in range((depth - 2) // 6):
            strides = 2 if stage > 0 and block == 0 else 1
            x = _basic_block(x, width << stage, strides, f"stage{stage + 1}_block{block + 1}")
    x = layers.GlobalAveragePooling2D()(x)
    return Model(inputs, layers.Dense(classes, activation="softmax", name="classifier")(x))


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
    """Builds MobileNetV2 as XNNPACK's own sparse mode asks for it, which arm64 alone has.

    Where a layer has strides 2, one pixel is added on all four sides; `padding="same"` adds none
    above and on the left. And the classifier does not follow the pooling at once, else its weights
    would count among those of which XNNPACK wants two thirds to be zero: a ReLU6 stands between,
    which changes nothing, since what is pooled is from 0 to 6.

    Args:
        inputs: Keras tensor of pictures, from -1 to 1.
        classes: number of outputs, a softmax over them.
    """
    x = layers.GlobalAveragePooling2D()(_padded_features(inputs))
    x = layers.ReLU(6.0)(x)  # TFLite's converter would take out a Flatten
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


def efficientnet_lite0(inputs, classes=1000):
    """Builds EfficientNet-Lite0: EfficientNet-B0 without squeeze and excite, with ReLU6 for Swish.

    From https://github.com/tensorflow/tpu/tree/master/models/official/efficientnet/lite.

    Args:
        inputs: Keras tensor of pictures, from -1 to 1.
        classes: number of outputs, a softmax over them.
    """
    x = _norm(layers.Conv2D(32, 3, 2, padding="same", use_bias=False)(inputs))
    for kernel, expansion, channels, repeats, strides in EFFICIENTNET_BLOCKS:
        for i in range(repeats):
            x = _inverted_residual(x, expansion, channels, strides if i == 0 else 1, kernel)
    x = layers.GlobalAveragePooling2D()(_pointwise(x, 1280))
    return Model(inputs, layers.Dense(classes, activation="softmax")(x))


def u_net(inputs, classes=3):
    """Builds a segmenter: MobileNetV2 down to 1/32, and up again past what it saw on the way.

    Each step up is a bilinear resize, a concatenation with the encoder's features of that size, and
    a separable convolution; the last one is a transposed convolution to the size of the picture.

    Args:
        inputs: Keras tensor of pictures, from -1 to 1; height and width are multiples of 32.
        classes: number of outputs at each pixel, a softmax over them.
    """
    encoder = applications.MobileNetV2(include_top=False, weights=None, input_tensor=inputs)
    x = encoder.get_layer("block_16_project_BN").output
    for channels, skip in DECODER_STAGES:
        x = layers.UpSampling2D(interpolation="bilinear")(x)
        x = layers.Concatenate()([x, encoder.get_layer(skip).output])
        x = _depthwise(_pointwise(x, channels))
    x = layers.Conv2DTranspose(classes, 3, 2, padding="same")(x)
    return Model(inputs, layers.Softmax()(x))


def _mobilenet_v2(x, size, width, classes, stem_strides):
    """The scores of a MobileNetV2 without the strides that pictures of 32x32 are too small for."""
    # Statistics settle within the few hundred steps of a short training.
    momentum = 0.9
    x = layers.Conv2D(round(size.stem * width), 3, stem_strides, padding="same", use_bias=False)(x)
    x = _norm(x, momentum=momentum)
    for expansion, channels, repeats, strides in size.blocks:
        for i in range(repeats):
            x = _inverted_residual(
                x, expansion, round(channels * width), strides if i == 0 else 1, momentum=momentum
            )
    x = layers.GlobalAveragePooling2D()(_pointwise(x, round(size.head * width), momentum=momentum))
    return layers.Dense(classes, activation="softmax")(x)


def _padded_features(inputs):
    """MobileNetV2 up to its pooling, with symmetric padding."""
    x = layers.ZeroPadding2D(1)(inputs)
    x = _norm(layers.Conv2D(32, 3, 2, use_bias=False)(x))
    for expansion, channels, repeats, strides in MOBILENET_V2_BLOCKS:
        for i in range(repeats):
            x = _inverted_residual(x, expansion, channels, strides if i == 0 else 1, symmetric=True)
    return _pointwise(x, 1280)


def _basic_block(x, channels, strides, name):
    shortcut = x
    if strides > 1 or x.shape[-1] != channels:
        shortcut = _convolution(x, channels, f"{name}_shortcut", 1, strides, relu=False)
    x = _convolution(x, channels, f"{name}_conv1", strides=strides)
    x = _convolution(x, channels, f"{name}_conv2", relu=False)
    return layers.ReLU(name=f"{name}_relu")(layers.Add(name=f"{name}_add")([x, shortcut]))


def _convolution(x, channels, name, kernel=3, strides=1, relu=True):
    x = layers.Conv2D(
        channels,
        kernel,
        strides,
        padding="same",
        use_bias=False,
        kernel_initializer="he_normal",
        name=name,
    )(x)
    x = layers.BatchNormalization(momentum=0.9, name=f"{name}_norm")(x)
    return layers.ReLU(name=f"{name}_relu")(x) if relu else x


def _inverted_residual(x, expansion, channels, strides, kernel=3, momentum=0.99, symmetric=False):
    shortcut = x
    if expansion > 1:
        x = _pointwise(x, expansion * x.shape[-1], momentum=momentum)
    x = _depthwise(x, strides, kernel, momentum, symmetric)
    x = _pointwise(x, channels, relu=False, momentum=momentum)
    return layers.Add()([x, shortcut]) if x.shape == shortcut.shape else x


def _pointwise(x, channels, relu=True, momentum=0.99):
    return _norm(layers.Conv2D(channels, 1, use_bias=False)(x), relu, momentum)


def _depthwise(x, strides=1, kernel=3, momentum=0.99, symmetric=False):
    padding = "same"
    if symmetric and strides > 1:
        x, padding = layers.ZeroPadding2D(kernel // 2)(x), "valid"
    x = layers.DepthwiseConv2D(kernel, strides, padding=padding, use_bias=False)(x)
    return _norm(x, momentum=momentum)


def _norm(x, relu=True, momentum=0.99):
    x = layers.BatchNormalization(momentum=momentum)(x)
    return layers.ReLU(6.0)(x) if relu else x
