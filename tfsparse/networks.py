"""The networks that tfsparse is measured on: stock architectures with random, pruned weights.

Latency depends on which weights are zero and not on what the others are, so a network need not be
trained to be timed, and nothing need be downloaded.
"""

import os
from importlib import metadata
from pathlib import Path

import numpy as np

import tfsparse
from tfsparse.converter.capture import captured_output

# The name used here, and its class in keras.applications.
NETWORKS = {
    "efficientnet_b0": "EfficientNetB0",
    "mobilenet_v1": "MobileNet",
    "mobilenet_v2": "MobileNetV2",
    "mobilenet_v3_large": "MobileNetV3Large",
    "mobilenet_v3_small": "MobileNetV3Small",
}

# Of small_mobilenet_v2: expansion, channels, repeats, strides.
SMALL_BLOCKS = ((1, 16, 1, 1), (6, 24, 2, 2), (6, 48, 2, 2))


def build(name, sparsity, size=224, seed=0):
    """Builds a stock Keras network with random weights, its 1x1 convolutions pruned.

    BatchNorm statistics are set from a random image, so that activations keep their scale through
    the depth and the outputs of two runtimes can be compared.

    Args:
        name: one of `NETWORKS`.
        sparsity: the fraction of zeros in the kernel of every 1x1 convolution, from 0 to below 1;
            in each the smallest magnitudes are zeroed.
        size: height and width of the input image.
        seed: of weights and image.

    Returns:
        A `keras.Model` from (1, size, size, 3) float32, 0 to 255 or -1 to 1 as the architecture
        wants it, to (1, 1000).
    """
    if name not in NETWORKS:
        raise ValueError(f"Expected one of {', '.join(NETWORKS)}. Received: {name!r}.")
    picture = 255 * np.random.default_rng(seed).random((1, size, size, 3), np.float32)
    with captured_output():
        import keras

        keras.utils.set_random_seed(seed)
        inputs = keras.Input(batch_shape=picture.shape)
        model = getattr(keras.applications, NETWORKS[name])(weights=None, input_tensor=inputs)
        for layer in model.layers:
            if isinstance(layer, keras.layers.BatchNormalization):
                layer.momentum = 0.0
        tfsparse.GradualPruning(final_sparsity=sparsity).apply(model)
        model(picture, training=True)
    return model


def small_mobilenet_v2(input_shape, classes, width=1.0):
    """Builds a MobileNetV2 for pictures of about 32x32: the same blocks, fewer and less strided.

    Args:
        input_shape: height, width and channels.
        classes: number of outputs, a softmax over them.
        width: factor on the number of channels of all layers.

    Returns:
        An untrained `keras.Model` that takes pixels from 0 to 255.
    """
    from keras import Input, Model, layers

    def norm(x, relu=True):
        # Statistics settle within the few hundred steps of a short training.
        x = layers.BatchNormalization(momentum=0.9)(x)
        return layers.ReLU(6.0)(x) if relu else x

    def pointwise(x, channels, relu=True):
        return norm(layers.Conv2D(channels, 1, use_bias=False)(x), relu)

    def depthwise(x, strides):
        return norm(layers.DepthwiseConv2D(3, strides, padding="same", use_bias=False)(x))

    inputs = Input(input_shape)
    x = layers.Rescaling(1 / 127.5, offset=-1)(inputs)
    x = norm(layers.Conv2D(round(16 * width), 3, 2, padding="same", use_bias=False)(x))
    for expansion, channels, repeats, strides in SMALL_BLOCKS:
        for i in range(repeats):
            shortcut = x
            if expansion > 1:
                x = pointwise(x, expansion * x.shape[-1])
            x = depthwise(x, strides if i == 0 else 1)
            x = pointwise(x, round(channels * width), relu=False)
            if x.shape == shortcut.shape:
                x = layers.Add()([x, shortcut])
    x = layers.GlobalAveragePooling2D()(pointwise(x, round(192 * width)))
    return Model(inputs, layers.Dense(classes, activation="softmax")(x))


def cached_file(name, sparsity, folder):
    """Returns the path of a network as a plain, dense-encoded .tflite file, made where missing.

    Dense-encoded, so that it is exactly what TFLite's own converter gives its default runtime; the
    delegate finds the zeros by counting.

    Args:
        name, sparsity: see `build`.
        folder: where to keep it; made where missing.
    """
    path = Path(folder) / f"{name}-{sparsity:g}-keras{metadata.version('keras')}.tflite"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        tfsparse.convert(build(name, sparsity), path, sparse=False)
    return path


def cache_folder():
    """Returns where made networks are kept: the user's cache folder, by the XDG rules."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "tfsparse"
