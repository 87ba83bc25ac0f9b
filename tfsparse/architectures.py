"""Architectures that `keras.applications` does not have, with random weights."""

from keras import Input, Model, applications, layers

# Of small_mobilenet_v2: expansion, channels, repeats, strides.
SMALL_BLOCKS = ((1, 16, 1, 1), (6, 24, 2, 2), (6, 48, 2, 2))

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
    # Statistics settle within the few hundred steps of a short training.
    momentum = 0.9
    inputs = Input(input_shape)
    x = layers.Rescaling(1 / 127.5, offset=-1)(inputs)
    x = layers.Conv2D(round(16 * width), 3, 2, padding="same", use_bias=False)(x)
    x = _norm(x, momentum=momentum)
    for expansion, channels, repeats, strides in SMALL_BLOCKS:
        for i in range(repeats):
            x = _inverted_residual(
                x, expansion, round(channels * width), strides if i == 0 else 1, momentum=momentum
            )
    x = _pointwise(x, round(192 * width), momentum=momentum)
    x = layers.GlobalAveragePooling2D()(x)
    return Model(inputs, layers.Dense(classes, activation="softmax")(x))


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


def _inverted_residual(x, expansion, channels, strides, kernel=3, momentum=0.99):
    shortcut = x
    if expansion > 1:
        x = _pointwise(x, expansion * x.shape[-1], momentum=momentum)
    x = _depthwise(x, strides, kernel, momentum)
    x = _pointwise(x, channels, relu=False, momentum=momentum)
    return layers.Add()([x, shortcut]) if x.shape == shortcut.shape else x


def _pointwise(x, channels, relu=True, momentum=0.99):
    return _norm(layers.Conv2D(channels, 1, use_bias=False)(x), relu, momentum)


def _depthwise(x, strides=1, kernel=3, momentum=0.99):
    x = layers.DepthwiseConv2D(kernel, strides, padding="same", use_bias=False)(x)
    return _norm(x, momentum=momentum)


def _norm(x, relu=True, momentum=0.99):
    x = layers.BatchNormalization(momentum=momentum)(x)
    return layers.ReLU(6.0)(x) if relu else x
