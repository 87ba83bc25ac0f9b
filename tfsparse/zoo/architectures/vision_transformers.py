"""Networks with attention, for pictures."""

from keras import Model, layers, ops

from tfsparse.zoo.architectures import blocks

# Of MobileViT-S (table 4 of its paper): channels, width and number of the transformers.
MOBILEVIT_STAGES = ((96, 144, 2), (128, 192, 4), (160, 240, 3))
# Height and width of the patches of a MobileViT.
PATCH = 2


def vit_tiny(inputs, classes=1000):
    """Builds ViT-Ti/16: 12 transformers of width 192 over patches of 16x16 pixels.

    From Dosovitskiy et al., "An Image is Worth 16x16 Words" (https://arxiv.org/abs/2010.11929), in
    the size of Touvron et al. (https://arxiv.org/abs/2012.12877).

    Args:
        inputs: Keras tensor of pictures, from -1 to 1; height and width are multiples of 16.
        classes: number of outputs, a softmax over them.
    """
    x = layers.Conv2D(192, 16, 16)(inputs)
    x = blocks.ClassToken()(layers.Reshape((-1, 192))(x))
    x = blocks.Positions()(x)
    for _ in range(12):
        x = blocks.transformer(x, heads=3, hidden=768, activation="gelu")
    x = layers.LayerNormalization(epsilon=1e-6)(x)[:, 0]
    return Model(inputs, layers.Dense(classes, activation="softmax")(x))


def mobilevit_small(inputs, classes=1000):
    """Builds MobileViT-S: inverted residuals, and transformers between convolutions.

    From Mehta and Rastegari, "MobileViT" (https://arxiv.org/abs/2110.02178).

    Args:
        inputs: Keras tensor of pictures, from 0 to 1; height and width are multiples of 64.
        classes: number of outputs, a softmax over them.
    """
    x = blocks.convolution(inputs, 16, 3, 2, "swish")
    for channels, strides in ((32, 1), (64, 2), (64, 1), (64, 1)):
        x = blocks.inverted_residual(x, 4, channels, strides, activation="swish")
    for channels, width, transformers in MOBILEVIT_STAGES:
        x = blocks.inverted_residual(x, 4, channels, 2, activation="swish")
        x = _mobilevit_block(x, width, transformers)
    x = layers.GlobalAveragePooling2D()(blocks.pointwise(x, 640, "swish"))
    return Model(inputs, layers.Dense(classes, activation="softmax")(x))


def _mobilevit_block(x, width, transformers):
    shortcut, channels = x, x.shape[-1]
    x = blocks.convolution(x, channels, 3, activation="swish")
    x = layers.Conv2D(width, 1, use_bias=False)(x)
    x = _unfolded(x)
    for _ in range(transformers):
        x = blocks.transformer(x, heads=4, hidden=2 * width, activation="swish", epsilon=1e-5)
    x = _folded(layers.LayerNormalization(epsilon=1e-5)(x), *shortcut.shape[1:3])
    x = blocks.pointwise(x, channels, "swish")
    x = layers.Concatenate()([shortcut, x])
    return blocks.convolution(x, channels, 3, activation="swish")


def _unfolded(x):
    """The pixels at the same place of all patches, for each place a sequence of its own."""
    _, height, width, channels = x.shape
    down, across = height // PATCH, width // PATCH
    x = layers.Reshape((down, PATCH, across, PATCH, channels))(x)
    x = layers.Permute((2, 4, 1, 3, 5))(x)
    return ops.reshape(x, (-1, down * across, channels))


def _folded(x, height, width):
    """The picture of such sequences."""
    channels = x.shape[-1]
    x = ops.reshape(x, (-1, PATCH, PATCH, height // PATCH, width // PATCH, channels))
    x = layers.Permute((3, 1, 4, 2, 5))(x)
    return layers.Reshape((height, width, channels))(x)
