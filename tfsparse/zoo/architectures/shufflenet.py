"""ShuffleNet V1, from Zhang et al. (https://arxiv.org/abs/1707.01083)."""

from keras import Model, layers

from tfsparse.zoo.architectures import blocks

# Of table 1 of the paper: by number of groups, the channels of stage 2. Each stage doubles them.
STAGE_2_CHANNELS = {1: 144, 2: 200, 3: 240, 4: 272, 8: 384}
STAGE_UNITS = (4, 8, 4)
STEM_CHANNELS = 24


def shufflenet_v1(inputs, groups=3, width=1.0, classes=1000):
    """Builds ShuffleNet V1.

    Args:
        inputs: Keras tensor of pictures, (batch, height, width, channels), from -1 to 1; the sizes
            are known.
        groups: number of groups of the 1x1 convolutions: 1, 2, 3, 4 or 8.
        width: factor on the number of channels of all layers but the first convolution.
        classes: number of outputs, a softmax over them.

    Raises:
        ValueError: the paper has no such number of groups, or the groups do not divide a quarter
            of the channels.
    """
    if groups not in STAGE_2_CHANNELS:
        raise ValueError(
            f"Expected {groups=} to be one of {', '.join(map(str, STAGE_2_CHANNELS))}."
        )
    channels = round(STAGE_2_CHANNELS[groups] * width)
    if channels % (4 * groups):
        raise ValueError(
            f"Expected a width that leaves a multiple of {4 * groups} channels in stage 2, for "
            f"{groups=}. Received: {width=}, which leaves {channels}."
        )
    x = blocks.convolution(inputs, STEM_CHANNELS, 3, 2, "relu")
    x = layers.MaxPooling2D(3, 2, padding="same")(x)
    for stage, units in enumerate(STAGE_UNITS):
        for i in range(units):
            # The paper does not group the first 1x1 convolution: its input has few channels.
            first_groups = 1 if stage == i == 0 else groups
            x = _unit(x, channels << stage, groups, first_groups, strides=2 if i == 0 else 1)
    x = layers.GlobalAveragePooling2D()(x)
    return Model(inputs, layers.Dense(classes, activation="softmax")(x))


def _unit(x, channels, groups, first_groups, strides):
    """Applies the unit of figure 2 of the paper: (b), or with strides (c)."""
    y = _grouped_pointwise(x, channels // 4, first_groups, "relu")
    y = _shuffled(y, groups)
    y = blocks.depthwise(y, strides, activation=None)
    if strides == 1:
        y = layers.Add()([x, _grouped_pointwise(y, channels, groups, None)])
    else:
        y = _grouped_pointwise(y, channels - x.shape[-1], groups, None)
        y = layers.Concatenate()([layers.AveragePooling2D(3, strides, padding="same")(x), y])
    return layers.ReLU()(y)


def _grouped_pointwise(x, channels, groups, activation):
    x = layers.Conv2D(channels, 1, groups=groups, use_bias=False)(x)
    return blocks.norm(x, activation)


def _shuffled(x, groups):
    """Puts the channels of each group apart, so that every next group has some of all groups."""
    if groups == 1:
        return x
    height, width, channels = x.shape[1:]
    x = layers.Reshape((height, width, groups, channels // groups))(x)
    x = layers.Permute((1, 2, 4, 3))(x)
    return layers.Reshape((height, width, channels))(x)
