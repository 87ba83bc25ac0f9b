"""Residual networks."""

from keras import Model, layers


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
