"""Which channels have the same value for every input of a model, and what reads them.

Values are float arrays with one number a channel, NaN where a channel is not constant. Only
inference is looked at: BatchNormalization uses its moving statistics, Dropout does nothing.
"""

import dataclasses
import math
from typing import Any

import numpy as np

from tfsparse.graph import rules

_IDENTITIES = """
    ActivityRegularization AlphaDropout AveragePooling1D AveragePooling2D AveragePooling3D
    CenterCrop Cropping1D Cropping2D Cropping3D Dropout GaussianDropout GaussianNoise
    GlobalAveragePooling1D GlobalAveragePooling2D GlobalAveragePooling3D GlobalMaxPooling1D
    GlobalMaxPooling2D GlobalMaxPooling3D Identity MaxPooling1D MaxPooling2D MaxPooling3D
    SpatialDropout1D SpatialDropout2D SpatialDropout3D UpSampling1D UpSampling2D UpSampling3D
    Amax Amin Max Mean Min
"""
# They add zeros, or sum, over an area: only a zero stays what it is.
_ZERO_PRESERVING = "Resizing Sum ZeroPadding1D ZeroPadding2D ZeroPadding3D"


@dataclasses.dataclass(frozen=True, eq=False)
class Reading:
    """How a call of a convolution or a dense layer reads its channels.

    Attributes:
        call: The `Call`.
        channels: Int array [inputs], the numbers of the channels.
        values: Float array [inputs], the constants that the bias could replace.
        sums: Float array [inputs, outputs], the kernel summed over height and width.
        used: Bool array [inputs, outputs], whether any of the kernel's weights is not zero.
    """

    call: Any
    channels: np.ndarray
    values: np.ndarray
    sums: np.ndarray
    used: np.ndarray

    def outputs(self):
        """Returns the values of the outputs, before the bias."""
        unknown = self.used[np.isnan(self.values)].any(axis=0)
        return np.where(unknown, np.nan, self.share(np.ones(len(self.values), bool)))

    def share(self, chosen):
        """Returns what some of the inputs, where they are constant, add to each output.

        Args:
            chosen: Bool array [inputs].

        Returns:
            Float array [outputs].
        """
        # A dense layer behind a Flatten is too large for a copy in float64.
        rows = np.flatnonzero(chosen & (np.nan_to_num(self.values) != 0))
        return self.values[rows] @ self.sums[rows].astype(np.float64)


def find(graph):
    """Finds the constants of a model by following them from call to call.

    Args:
        graph: `ChannelGraph`.

    Returns:
        List of `Reading`, one for each call of a layer that sums over channels, in their order.
    """
    values = [np.full(len(graph.channels_of(x)), np.nan) for x in range(len(graph.program.shapes))]
    unfollowed = {id(call) for call in graph.unfollowed}
    readings = []
    for call in graph.program.calls:
        if id(call) in unfollowed:
            continue
        inputs = [values[x] for x in call.inputs]
        kind = rules.kind(call.operation)
        if kind == "MultiHeadAttention":
            readings.append(_read_heads(graph, call))
            output = np.full(len(values[call.outputs[0]]), np.nan)
        elif kind in _READERS:
            reading = _READERS[kind](call, graph.channels_of(call.inputs[0]), *inputs)
            readings.append(reading)
            output = _finish(call.operation, reading.outputs())
        else:
            output = _RULES.get(kind, _evaluate)(call, *inputs)
        values[call.outputs[0]] = output
    return readings


def _read_dense(call, channels, x):
    return _reading(call, channels, x, call.operation.kernel.numpy())


def _read_convolution(call, channels, x):
    layer = call.operation
    kernel = layer.kernel.numpy()
    if layer.groups > 1:
        kernel = _ungroup(kernel, layer.groups)
    return _reading(call, channels, _inside(layer, x), kernel)


def _read_transposed(call, channels, x):
    kernel = np.swapaxes(call.operation.kernel.numpy(), -1, -2)
    # How many weights meet an output depends on where it is.
    return _reading(call, channels, _zeros(x), kernel)


def _read_separable(call, channels, x):
    layer = call.operation
    kernel = layer.depthwise_kernel.numpy()
    channels = np.repeat(channels, layer.depth_multiplier)
    return _reading(call, channels, _filter(layer, kernel, x), layer.pointwise_kernel.numpy())


def _read_heads(graph, call):
    layer = call.operation
    channels = graph.channels_at(layer.output_dense.kernel, 0)
    kernel = layer.output_dense.kernel.numpy()
    kernel = kernel.reshape(len(channels), -1, kernel.shape[-1]).swapaxes(0, 1)
    # A head with a bias alone has a constant for each of its features: it stays.
    makes = [
        np.moveaxis(variable.numpy(), -2, 0).reshape(len(channels), -1).any(axis=1)
        for variable in layer.value_dense.variables
    ]
    values = np.where(np.any(makes, axis=0), np.nan, 0.0)
    return _reading(call, channels, values, kernel)


def _reading(call, channels, values, kernel):
    kernel = kernel.astype(np.float32, copy=False).reshape(-1, *kernel.shape[-2:])
    sums = kernel[0] if len(kernel) == 1 else kernel.sum(axis=0, dtype=np.float64)
    return Reading(call, channels, values, sums, (kernel != 0).any(axis=0))


def _ungroup(kernel, groups):
    """Returns the kernel of a convolution with one group that computes the same."""
    *size, inputs, outputs = kernel.shape
    full = np.zeros((*size, groups, inputs, groups, outputs // groups), kernel.dtype)
    for group, part in enumerate(np.split(kernel, groups, axis=-1)):
        full[..., group, :, group, :] = part
    return full.reshape(*size, groups * inputs, outputs)


def _depthwise(call, x):
    layer = call.operation
    return _finish(layer, _filter(layer, layer.kernel.numpy(), x))


def _filter(layer, kernel, x):
    """Returns what a kernel [height, width, channels, multiplier] makes of each channel alone."""
    kernel = kernel.astype(np.float64).reshape(-1, kernel.shape[-2] * kernel.shape[-1])
    x = np.repeat(_inside(layer, x), layer.depth_multiplier)
    return np.where((kernel != 0).any(axis=0), x * kernel.sum(axis=0), 0.0)


def _inside(layer, x):
    """Returns the constants that a layer sees everywhere, not only away from the border."""
    padded = layer.padding != "valid" and math.prod(layer.kernel_size) > 1
    return _zeros(x) if padded else x


def _zeros(x):
    return np.where(x == 0, 0.0, np.nan)


def _finish(layer, x):
    """Adds a bias and applies an activation."""
    return _activate(layer, x + layer.bias.numpy() if layer.use_bias else x)


def _activate(layer, x):
    if not rules.is_elementwise(layer.activation):
        return np.full(len(x), np.nan)
    result = layer.activation(np.nan_to_num(x)[None].astype(np.float32))
    return np.where(np.isnan(x), np.nan, np.asarray(result, np.float64)[0])


def _normalize(call, x):
    layer = call.operation
    scale = 1 / np.sqrt(layer.moving_variance.numpy().astype(np.float64) + layer.epsilon)
    if layer.scale:
        scale = scale * layer.gamma.numpy()
    x = np.where(scale == 0, 0.0, (x - layer.moving_mean.numpy()) * scale)
    return x + layer.beta.numpy() if layer.center else x


def _multiply(call, *inputs):
    zero = np.any(np.broadcast_arrays(*[x == 0 for x in inputs]), axis=0)
    return np.where(zero, 0.0, _evaluate(call, *inputs))


def _concatenate(call, *inputs):
    rank = len(call.output_shape)
    if call.operation.axis % rank == rank - 1:
        return np.concatenate(inputs)
    return _where_alike(np.stack(inputs))


def _rearrange(call, x):
    columns = rules.rearrange(call.operation, x, call.shapes[0], call.output_shape)
    return _where_alike(columns)


def _where_alike(rows):
    return np.where((rows == rows[0]).all(axis=0), rows[0], np.nan)


def _evaluate(call, *inputs):
    """Runs an operation that acts on each element alone."""
    values = [
        np.nan_to_num(x).astype(np.float32).reshape([1] * (len(shape) - 1) + [-1])
        for x, shape in zip(inputs, call.shapes, strict=True)
    ]
    result = np.asarray(call.run(values), np.float64).reshape(-1)
    unknown = np.any(np.broadcast_arrays(*[np.isnan(x) for x in inputs]), axis=0)
    return np.where(unknown, np.nan, result)


_READERS = {
    "Dense": _read_dense,
    **dict.fromkeys(("Conv1D", "Conv2D", "Conv3D"), _read_convolution),
    **dict.fromkeys(("Conv1DTranspose", "Conv2DTranspose", "Conv3DTranspose"), _read_transposed),
    **dict.fromkeys(("SeparableConv1D", "SeparableConv2D"), _read_separable),
}
_RULES = {
    **dict.fromkeys(_IDENTITIES.split(), lambda call, x: x),
    **dict.fromkeys(_ZERO_PRESERVING.split(), lambda call, x: _zeros(x)),
    **dict.fromkeys(("DepthwiseConv1D", "DepthwiseConv2D"), _depthwise),
    **dict.fromkeys(("Flatten", "Permute", "Reshape"), _rearrange),
    "Activation": lambda call, x: _activate(call.operation, x),
    "BatchNormalization": _normalize,
    "Concatenate": _concatenate,
    "Multiply": _multiply,
    # Its slopes may differ from place to place.
    "PReLU": lambda call, x: np.where(x >= 0, x, np.nan),
}
