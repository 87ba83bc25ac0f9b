"""EfficientNets."""

from keras import Model, layers

from tfsparse.zoo.architectures import blocks

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


def efficientnet_lite0(inputs, classes=1000):
    """Builds EfficientNet-Lite0: EfficientNet-B0 without squeeze and excite, with ReLU6 for Swish.

    From https://github.com/tensorflow/tpu/tree/master/models/official/efficientnet/lite.

    Args:
        inputs: Keras tensor of pictures, from -1 to 1.
        classes: number of outputs, a softmax over them.
    """
    x = blocks.norm(layers.Conv2D(32, 3, 2, padding="same", use_bias=False)(inputs))
    for kernel, expansion, channels, repeats, strides in EFFICIENTNET_BLOCKS:
        for i in range(repeats):
            x = blocks.inverted_residual(x, expansion, channels, strides if i == 0 else 1, kernel)
    x = layers.GlobalAveragePooling2D()(blocks.pointwise(x, 1280))
    return Model(inputs, layers.Dense(classes, activation="softmax")(x))
