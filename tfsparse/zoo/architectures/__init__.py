"""Architectures that `keras.applications` does not have, with random weights."""

from tfsparse.zoo.architectures.efficientnet import efficientnet_lite0
from tfsparse.zoo.architectures.mobilenet_v2 import (
    MOBILENET_V2_BLOCKS,
    SMALL,
    MobileNetV2Size,
    cifar_mobilenet_v2,
    mobilenet_v2_convolutional,
    mobilenet_v2_padded,
    small_mobilenet_v2,
)
from tfsparse.zoo.architectures.mobilenet_v4 import (
    mobilenet_v4_conv_medium,
    mobilenet_v4_conv_small,
)
from tfsparse.zoo.architectures.resnet import cifar_resnet
from tfsparse.zoo.architectures.segmenters import u_net
from tfsparse.zoo.architectures.shufflenet import shufflenet_v1
from tfsparse.zoo.architectures.speech import conformer, ds_cnn_large
from tfsparse.zoo.architectures.vision_transformers import mobilevit_small, vit_tiny

__all__ = [
    "MOBILENET_V2_BLOCKS",
    "SMALL",
    "MobileNetV2Size",
    "cifar_mobilenet_v2",
    "cifar_resnet",
    "conformer",
    "ds_cnn_large",
    "efficientnet_lite0",
    "mobilenet_v2_convolutional",
    "mobilenet_v2_padded",
    "mobilenet_v4_conv_medium",
    "mobilenet_v4_conv_small",
    "mobilevit_small",
    "shufflenet_v1",
    "small_mobilenet_v2",
    "u_net",
    "vit_tiny",
]
