"""Segmenters."""

from keras import Model, applications, layers

from tfsparse.zoo.architectures import blocks

# Of the decoder of u_net: channels, and the encoder's last layer at the same height and width.
DECODER_STAGES = (
    (192, "block_13_expand_relu"),
    (96, "block_6_expand_relu"),
    (48, "block_3_expand_relu"),
    (32, "block_1_expand_relu"),
)


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
        x = blocks.depthwise(blocks.pointwise(x, channels))
    x = layers.Conv2DTranspose(classes, 3, 2, padding="same")(x)
    return Model(inputs, layers.Softmax()(x))
