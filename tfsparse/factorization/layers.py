"""The Keras layers in place of one."""

import keras
import numpy as np

from tfsparse.factorization import tensor_train_layers
from tfsparse.factorization.tensor_train_layers import INNER
from tfsparse.graph.cloning import Chain
from tfsparse.graph.rebuilding import renew
from tfsparse.graph.rules import kind

_PLAIN = {"strides": (1, 1), "dilation_rate": (1, 1), "padding": "valid"}


def chain(layer, stages, use_bias):
    """Returns the layers in place of one, as a `Chain`, not built yet.

    The last with a kernel has the activation and bias of the layer, all its regularizer and dtype
    policy.

    Args:
        layer: Keras Conv2D or Dense.
        stages: List of `Stage`.
        use_bias: Bool, whether the last has a bias even if the layer has none.
    """
    if stages[0].view is not None:
        return Chain(tensor_train_layers.train(layer, stages))
    made = []
    for number, stage in enumerate(stages, 1):
        is_last = number == len(stages)
        own = {"use_bias": layer.use_bias or use_bias} if is_last else INNER
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
    weighted = [new for new in chain.layers if new.weights]
    for new, factor in zip(weighted, factors, strict=True):
        new.kernel.assign(np.reshape(factor, new.kernel.shape))
    own = weighted[-1].bias
    if bias is not None:
        own.assign(bias)
    elif layer.use_bias:
        own.assign(np.reshape(layer.bias, own.shape))


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
