"""The networks that tfsparse is measured on.

Most are stock architectures with random, pruned weights: latency depends on which weights are zero
and not on what the others are, so a network need not be trained to be timed. A few are models that
Google trained sparse.
"""

import dataclasses
from collections.abc import Callable
from importlib import metadata
from pathlib import Path

import numpy as np

import tfsparse
from tfsparse.capture import captured_output
from tfsparse.zoo import downloads

MEDIAPIPE = "mediapipe==0.10.21"
# Google's own, float16 and sparse, from the wheel of mediapipe (Apache-2.0).
PRETRAINED = ("face_detection_full_range_sparse", "pose_detection")


@dataclasses.dataclass(frozen=True)
class Architecture:
    """Where a network comes from, and what of it is pruned.

    Attributes:
        source: its class in `keras.applications`, or its function in `tfsparse.zoo.architectures`.
        size: height and width of the input image, which has three channels.
        shape: of another input, without its batch, which no size changes.
        scope: which layers are pruned, see `tfsparse.GradualPruning`; never the classifier.
    """

    source: str
    size: int = 224
    shape: tuple[int, ...] = ()
    scope: str | Callable = "pointwise"

    def input_shape(self, size):
        """Returns the shape of one input, for images of a height and width or None."""
        if size and self.shape:
            raise ValueError(f"{self.source} has inputs of shape {self.shape}. Received: {size=}.")
        return self.shape or (size or self.size,) * 2 + (3,)


def _is_convolution(layer):
    import keras

    return isinstance(layer, keras.layers.Conv2D)


def _is_matrix_product(layer):
    """1x1 convolutions, and dense layers, as in attention, but not the classifier's softmax."""
    from keras import activations, layers

    if isinstance(layer, (layers.Conv1D, layers.Conv2D)):
        return set(layer.kernel_size) == {1}
    dense = isinstance(layer, (layers.Dense, layers.EinsumDense))
    return dense and layer.activation is not activations.softmax


def _mixes_channels(layer):
    """Those, and convolutions with larger kernels."""
    return _is_convolution(layer) or _is_matrix_product(layer)


ARCHITECTURES = {
    "conformer": Architecture("conformer", shape=(256, 80), scope=_mixes_channels),
    "convnext_tiny": Architecture("ConvNeXtTiny", scope=_is_matrix_product),
    "densenet121": Architecture("DenseNet121", scope=_is_convolution),
    "ds_cnn_large": Architecture("ds_cnn_large", shape=(49, 10, 1)),
    "efficientnet_b0": Architecture("EfficientNetB0"),
    "efficientnet_lite0": Architecture("efficientnet_lite0"),
    "efficientnet_v2_b0": Architecture("EfficientNetV2B0", scope=_is_convolution),
    "mobilenet_v1": Architecture("MobileNet"),
    "mobilenet_v2": Architecture("MobileNetV2"),
    "mobilenet_v2_convolutional": Architecture("mobilenet_v2_convolutional"),
    "mobilenet_v2_padded": Architecture("mobilenet_v2_padded"),
    "mobilenet_v3_large": Architecture("MobileNetV3Large"),
    "mobilenet_v3_small": Architecture("MobileNetV3Small"),
    "mobilenet_v4_conv_medium": Architecture(
        "mobilenet_v4_conv_medium", size=256, scope=_is_convolution
    ),
    "mobilenet_v4_conv_small": Architecture("mobilenet_v4_conv_small", scope=_is_convolution),
    "mobilevit_small": Architecture("mobilevit_small", size=256, scope=_mixes_channels),
    "nasnet_mobile": Architecture("NASNetMobile"),
    "resnet50": Architecture("ResNet50", scope=_is_convolution),
    "shufflenet_v1": Architecture("shufflenet_v1"),
    "u_net": Architecture("u_net", size=256),
    "vit_tiny": Architecture("vit_tiny", scope=_is_matrix_product),
    "xception": Architecture("Xception", size=299),
}
NETWORKS = (*ARCHITECTURES, *PRETRAINED)


def build(name, sparsity, block_size=1, size=None, seed=0):
    """Builds a network with random weights, the layers in its scope pruned.

    BatchNorm statistics are set from an input like the random ones of `tfsparse.runtime.timing`,
    so that activations keep their scale through the depth and the outputs of two runtimes can be
    compared.

    Args:
        name: one of `ARCHITECTURES`, which says what of the network is pruned.
        sparsity: the fraction of zeros in the kernel of every pruned layer, from 0 to below 1; in
            each the smallest magnitudes are zeroed.
        block_size: the neighbouring channels that are zero together, see `tfsparse.GradualPruning`.
        size: height and width of the input image; by default the architecture's own.
        seed: of weights and input.

    Returns:
        A `keras.Model` that takes one example, such as (1, size, size, 3), float32, from 0 to 1.
    """
    if name not in ARCHITECTURES:
        raise ValueError(f"Expected one of {', '.join(ARCHITECTURES)}. Received: {name!r}.")
    architecture = ARCHITECTURES[name]
    example = _example(architecture.input_shape(size), seed)
    with captured_output():
        import keras

        keras.utils.set_random_seed(seed)
        model = _unpruned(architecture.source, keras.Input(batch_shape=example.shape))
        for layer in model.layers:
            if isinstance(layer, keras.layers.BatchNormalization):
                layer.momentum = 0.0
            elif type(layer).__name__ == "LayerScale":
                # It starts at 1e-6, with which no block of a ConvNeXt has an effect.
                layer.gamma.assign(np.ones(layer.gamma.shape))
        tfsparse.GradualPruning(sparsity, scope=architecture.scope, block_size=block_size).apply(
            model
        )
        model(example, training=True)
    return model


def published_file(name, folder):
    """Returns the path of one of Google's networks, downloaded where missing.

    Args:
        name: of `PRETRAINED`, or of any other file of MediaPipe's, without its ending.
        folder: where to keep it; made where missing.

    Raises:
        ValueError: MediaPipe has no such network.
        OSError: it could not be downloaded.
    """
    wheel = downloads.package(MEDIAPIPE, folder, *downloads.ANY_PYTHON)
    found = list(wheel.glob(f"mediapipe/modules/*/{name}.tflite"))
    if len(found) != 1:
        raise ValueError(f"Expected a network of {MEDIAPIPE}. Received: {name!r}.")
    return found[0]


def cached_file(
    name, folder, sparsity=0.0, block_size=1, encoding="none", size=None, weights="float32"
):
    """Returns the path of a network as a .tflite file, made or downloaded where missing.

    Networks with random weights are dense-encoded unless asked for, exactly what TFLite's own
    converter gives its default runtime; the delegate finds the zeros by counting.

    Args:
        name: one of `NETWORKS`.
        folder: where to keep it; made where missing.
        sparsity, block_size, size: see `build`; those of `PRETRAINED` are as they are.
        encoding: see `tfsparse.convert`; XNNPACK looks for zeros only where some are encoded.
        weights: see `tfsparse.convert`; int8 is calibrated on random inputs.

    Raises:
        ValueError: there is no such network.
        OSError: it could not be downloaded.
    """
    if name in PRETRAINED:
        return published_file(name, folder)
    blocks = "" if block_size == 1 else f"-block{block_text(block_size)}"
    encoded = "" if encoding == "none" else f"-{encoding}"
    sized = f"-{size}px" if size else ""
    typed = "" if weights == "float32" else f"-{weights}"
    made_by = f"keras{metadata.version('keras')}"
    path = Path(folder) / f"{name}-{sparsity:g}{sized}{blocks}{typed}{encoded}-{made_by}.tflite"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        model = build(name, sparsity, block_size, size)
        examples = None
        if weights == "int8":
            examples = [_example(model.input_shape[1:], seed) for seed in range(4)]
        tfsparse.convert(
            model, path, weights=weights, representative_dataset=examples, encoding=encoding
        )
    return path


def block_text(block_size):
    """Such as "4", or "1x4" for a pair of output and input channels."""
    return str(block_size) if isinstance(block_size, int) else "x".join(map(str, block_size))


def _example(shape, seed):
    return np.random.default_rng(seed).random((1, *shape), np.float32)


def _unpruned(source, inputs):
    import keras

    from tfsparse.zoo import architectures

    if hasattr(architectures, source):
        return getattr(architectures, source)(inputs)
    return getattr(keras.applications, source)(weights=None, input_tensor=inputs)
