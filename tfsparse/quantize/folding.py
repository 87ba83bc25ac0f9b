"""BatchNormalization that is folded into the layer before it, without a change to the model.

TFLite's converter multiplies the kernel before a BatchNormalization by a factor for each channel.
Weights that share a value would differ then. So the factor moves into the kernel before, and the
BatchNormalization keeps a factor of exactly 1 and an offset.
"""

import collections
import contextlib
import functools

import numpy as np

from tfsparse.graph import rules
from tfsparse.graph.calls import unroll
from tfsparse.prune.scope import kernel_of
from tfsparse.prune.variables import read, write

_KINDS = ("Conv1D", "Conv2D", "Dense", "SeparableConv1D", "SeparableConv2D")


def followers(model):
    """Returns what normalizes the output of each layer.

    Args:
        model: Functional or Sequential Keras 3 model.

    Returns:
        Two lists of layers that have a BatchNormalization behind: pairs of a layer and a
        BatchNormalization that can be folded into it, and layers of which TFLite folds it though
        this module cannot, as several calls share one of the two.

    Raises:
        TypeError, ValueError: See `tfsparse.graph.calls.unroll`.
    """
    program = unroll(model)
    calls = collections.Counter(id(call.operation) for call in program.calls)
    readers = collections.Counter(x for call in program.calls for x in call.inputs)
    readers.update(program.outputs)
    producers = {x: call for call in program.calls for x in call.outputs}
    found, shared = [], []
    for call in program.calls:
        before = producers.get(call.inputs[0]) if call.inputs else None
        if before is None or not _is_folded(before, call) or readers[call.inputs[0]] > 1:
            continue
        if calls[id(before.operation)] == calls[id(call.operation)] == 1:
            found.append((before.operation, call.operation))
        else:
            shared.append(before.operation)
    return found, shared


def _is_folded(before, call):
    """Returns whether TFLite makes a BatchNormalization part of the layer before it."""
    if rules.kind(call.operation) != "BatchNormalization":
        return False
    layer, rank = before.operation, len(call.output_shape)
    return (
        rules.kind(layer) in _KINDS
        and getattr(layer.activation, "__name__", "") == "linear"
        and getattr(layer, "data_format", "channels_last") == "channels_last"
        and call.operation.axis % rank == rank - 1
    )


def fold(layer, norm):
    """Folds a BatchNormalization into the layer before it; both compute what they did in inference.

    Args:
        layer: Layer with a kernel [..., output channels].
        norm: Its BatchNormalization. The variance becomes such that the factor is exactly 1.
    """
    one, epsilon = np.float32(1), np.float32(norm.epsilon)
    variance = read(norm.moving_variance)
    factor = one / np.sqrt(variance + epsilon)
    if norm.scale:
        factor *= read(norm.gamma)
        write(norm.gamma, np.ones_like(factor))
    write(norm.moving_variance, np.full_like(variance, _variance_of_one(epsilon)))
    write(norm.moving_mean, read(norm.moving_mean) * factor)
    kernel = kernel_of(layer)
    write(kernel, read(kernel) * factor)
    if layer.use_bias:
        write(layer.bias, read(layer.bias) * factor)


def _variance_of_one(epsilon):
    """Returns the float32 that gives exactly 1 with an epsilon added."""
    variance = np.float32(1) - epsilon
    while variance + epsilon < 1:
        variance = np.nextafter(variance, np.float32(2))
    while variance + epsilon > 1:
        variance = np.nextafter(variance, np.float32(-1))
    return variance


class InferenceStatistics(contextlib.AbstractContextManager):
    """Lets BatchNormalization layers use their moving statistics while it is entered.

    Args:
        norms: List of BatchNormalization layers.
    """

    def __init__(self, norms):
        self._norms = norms

    def __enter__(self):
        for norm in self._norms:
            vars(norm)["call"] = functools.partial(_call_in_inference, norm)
        return self

    def __exit__(self, *_):
        for norm in self._norms:
            del vars(norm)["call"]


def _call_in_inference(norm, inputs, training=None, mask=None):
    return type(norm).call(norm, inputs, training=False, mask=mask)
