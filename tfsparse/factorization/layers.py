"""The Keras layers in place of one."""

import keras
import numpy as np

from tfsparse.graph.cloning import Chain
from tfsparse.graph.rebuilding import renew
from tfsparse.graph.rules import kind

_PLAIN = {"strides": (1, 1), "dilation_rate": (1, 1), "padding": "valid"}
# The factors of a kernel need not fulfil what the kernel has to.
_INNER = {"activation": None, "activity_regularizer": None, "use_bias": False}


def chain(layer, stages, use_bias):
    """Returns the layers in place of one, as a `Chain`, not built yet.

    The last has the layer's activation and bias. All have its regularizer and its dtype policy.

    Args:
        layer: Keras Conv2D or Dense.
        stages: List of `Stage`.
        use_bias: Bool, whether the last has a bias even if the layer has none.
    """
    made = []
    for number, stage in enumerate(stages, 1):
        is_last = number == len(stages)
        own = {"use_bias": layer.use_bias or use_bias} if is_last else _INNER
        new = _depthwise(layer, stage) if stage.is_depthwise else _like(layer, stage, own)
        new.name = f"{layer.name}_factor_{number}"
        made.append(new)
    return Chain(made)


def set_weights(chain, layer, factors, bias):
    """Sets the weights of a built chain.

    Args:
        chain: `Chain` of layers that are built.
        layer: The layer in whose place they are.
        factors: List of kernels (height, width, inputs, outputs).
        bias: Float array (outputs,), or None for that of the layer.
    """
    for new, factor in zip(chain.layers, factors, strict=True):
        new.kernel.assign(np.reshape(factor, new.kernel.shape))
    if bias is not None:
        chain.layers[-1].bias.assign(bias)
    elif layer.use_bias:
        chain.layers[-1].bias.assign(layer.bias)


def _like(layer, stage, own):
    changes = {"kernel_constraint": None, **own}
    if kind(layer) == "Dense":
        return renew(layer, {**changes, "units": stage.shape[3]})
    changes |= {"filters": stage.shape[3], "kernel_size": stage.shape[:2]}
    return renew(layer, changes if stage.is_spatial else {**changes, **_PLAIN})


def _depthwise(layer, stage):
    return keras.layers.DepthwiseConv2D(
        stage.shape[:2],
        strides=layer.strides,
        padding=layer.padding,
        dilation_rate=layer.dilation_rate,
        use_bias=False,
        depthwise_regularizer=layer.kernel_regularizer,
        dtype=layer.dtype_policy,
        trainable=layer.trainable,
    )
