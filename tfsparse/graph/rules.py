"""How channels pass through each kind of operation.

A rule takes the `Channels`, the `Call` and the labels of each input, and returns the labels of the
output, or None if this call cannot be followed.
"""

import keras
import numpy as np

from tfsparse.graph import attention
from tfsparse.graph.calls import count_positions
from tfsparse.graph.channels import CONSUMER, FOLLOWER, PRODUCER, describe

# Layers and operations that act on each element, or on each channel, alone.
_ELEMENTWISE_LAYERS = """
    ActivityRegularization AlphaDropout Dropout ELU GaussianDropout GaussianNoise Identity LeakyReLU
    ReLU SpatialDropout1D SpatialDropout2D SpatialDropout3D
"""
_SPATIAL_LAYERS = """
    AveragePooling1D AveragePooling2D AveragePooling3D CenterCrop Cropping1D Cropping2D Cropping3D
    GlobalAveragePooling1D GlobalAveragePooling2D GlobalAveragePooling3D GlobalMaxPooling1D
    GlobalMaxPooling2D GlobalMaxPooling3D MaxPooling1D MaxPooling2D MaxPooling3D Resizing
    UpSampling1D UpSampling2D UpSampling3D ZeroPadding1D ZeroPadding2D ZeroPadding3D
"""
_ELEMENTWISE_OPS = """
    Abs Absolute Cast Celu Elu Exp Gelu HardShrink HardSigmoid HardSilu HardTanh LeakyRelu
    LogSigmoid Negative Relu Relu6 Selu Sigmoid Silu SoftShrink Softplus Softsign SparsePlus
    SparseSigmoid Sqrt Square Squareplus Tanh TanhShrink Threshold
"""
_MERGES = "Add Average Divide Maximum Minimum Multiply Subtract TrueDivide"
_METHODS_OF_ATTENTION = "_build_attention", "_compute_attention", "_masked_softmax"
# A subclass of a Keras layer that overrides one of them may be anything.
_METHODS = "build", "call", "convolution_op", *_METHODS_OF_ATTENTION
_ACTIVATIONS = """
    celu elu exponential gelu hard_shrink hard_sigmoid hard_silu hard_swish hard_tanh leaky_relu
    linear log_sigmoid mish relu relu6 selu sigmoid silu soft_shrink softplus softsign sparse_plus
    sparse_sigmoid squareplus swish tanh tanh_shrink threshold
"""


def follow(channels, call, inputs):
    """Returns the labels of a call's output, or None if it cannot be followed."""
    rule = _RULES.get(kind(call.operation))
    if rule is None or _is_unusual(call):
        return None
    return rule(channels, call, *inputs)


def frozen(channels, shape, reason):
    """Returns labels for a tensor whose channels must all stay."""
    labels = channels.new((shape[-1] or 1) if len(shape) > 1 else 1)
    channels.freeze(labels, reason)
    return labels


def kind(operation):
    """Returns the name of the Keras class that an operation works as, or None."""
    for cls in type(operation).__mro__:
        if cls.__module__.startswith(("keras.src.layers.", "keras.src.ops.")):
            own = type(operation)
            same = all(getattr(own, m, None) is getattr(cls, m, None) for m in _METHODS)
            return cls.__name__ if same else None
    return None


def is_elementwise(activation):
    """Returns whether an activation function acts on each element alone."""
    name = getattr(activation, "__name__", None)
    own = getattr(activation, "__module__", "").partition(".")[0] in ("keras", "tensorflow")
    return own and name in _ACTIVATIONS.split()


def rearrange(operation, values, shape, output_shape):
    """Returns the values of a Flatten's, a Reshape's or a Permute's output.

    Args:
        operation: The layer.
        values: Array of the length of the input's last axis.
        shape: Tuple, the input's shape.
        output_shape: Tuple, the output's.

    Returns:
        Array of the output's positions and channels, or None where a length is not known.
    """
    if kind(operation) != "Permute" and shape[-1] == output_shape[-1]:
        return values[None]
    if None in shape[1:] or None in output_shape[1:]:
        return None
    full = np.broadcast_to(values, shape[1:])
    if kind(operation) == "Permute":
        full = full.transpose([dim - 1 for dim in operation.dims])
    return full.reshape(-1, output_shape[-1])


def _is_unusual(call):
    operation = call.operation
    is_layer = isinstance(operation, keras.layers.Layer)
    is_attention = kind(operation) == "MultiHeadAttention"
    return (
        any(map(_has_another_kernel, operation._flatten_layers() if is_layer else ()))
        or getattr(operation, "data_format", None) == "channels_first"
        or not (attention.is_called_plainly if is_attention else _is_called_plainly)(call)
        or len(call.outputs) != 1
        or any(len(shape) < 2 or shape[-1] is None for shape in call.shapes)
    )


def _has_another_kernel(layer):
    """Returns whether a kernel has another shape, or is a sum of two."""
    return getattr(layer, "quantization_mode", None) or getattr(layer, "lora_enabled", False)


def _is_called_plainly(call):
    """Returns whether a call is neither as in training, nor with a mask."""
    is_layer = isinstance(call.operation, keras.layers.Layer)
    return not (
        (is_layer and any(constant is not False for constant in call.constants))
        or any(isinstance(x, keras.KerasTensor) for x in call.arguments.kwargs.values())
    )


def _same(channels, call, x):
    return x


def _activate(channels, call, x):
    activation = getattr(call.operation, "activation", keras.activations.linear)
    if is_elementwise(activation):
        return x
    name = getattr(activation, "__name__", activation)
    channels.freeze(x, f"the activation {name} of {describe(call.operation)} may mix channels")
    return x


def _rescale(channels, call, x):
    one_for_all = np.size(call.operation.scale) == np.size(call.operation.offset) == 1
    return x if one_for_all else None


def _merge(channels, call, *inputs):
    if any(np.size(constant) > 1 for constant in call.constants):
        return None
    width = call.output_shape[-1]
    wide = [x for x in inputs if len(x) == width]
    for x in inputs:
        if len(x) == width:
            channels.tie(wide[0], x)
        else:
            channels.freeze(x, f"{describe(call.operation)} broadcasts it over all channels")
    return wide[0]


def _concatenate(channels, call, *inputs):
    rank = len(call.output_shape)
    if call.operation.axis % rank == rank - 1:
        return np.concatenate(inputs)
    for x in inputs[1:]:
        channels.tie(inputs[0], x)
    return inputs[0]


def _reduce(channels, call, x):
    rank = len(call.shapes[0])
    axes = call.operation.axis
    if axes is None or rank - 1 in [axis % rank for axis in np.atleast_1d(axes)]:
        return None
    return x


def _rearrange(channels, call, x):
    if not isinstance(call.operation, keras.layers.Layer):
        return None  # keras.ops.reshape says the batch's length too
    columns = rearrange(call.operation, x, call.shapes[0], call.output_shape)
    if columns is None:
        return None
    channels.tie(columns, columns[0])
    if kind(call.operation) == "Reshape" and call.operation.target_shape[-1] != -1:
        # The shape with which the layer is built again must serve all its calls.
        channels.tie(channels.targets.setdefault(id(call.operation), columns[0]), columns[0])
    return columns[0]


def _normalize(channels, call, x):
    layer = call.operation
    if layer.axis % len(call.shapes[0]) != len(call.shapes[0]) - 1:
        return None
    for weight in "gamma", "beta", "moving_mean", "moving_variance":
        if getattr(layer, weight) is not None:
            channels.bind(FOLLOWER, layer, weight, 0, x)
    return x


def _prelu(channels, call, x):
    if call.operation.alpha.shape[-1] == len(x):
        channels.bind(FOLLOWER, call.operation, "alpha", -1, x)
    return x


def _dense(channels, call, x):
    channels.bind(CONSUMER, call.operation, "kernel", 0, x)
    return _produce(channels, call, "kernel", 1, count_positions(call.output_shape))


def _convolve(channels, call, x):
    layer = call.operation
    positions = count_positions(call.output_shape)
    if layer.groups > 1 and len(x) == layer.groups:
        x = np.repeat(x, layer.filters // layer.groups)
        return _act_alone(channels, call, "kernel", -1, x, x)
    # All groups are of one size: the channels at one position of each go together.
    groups = x.reshape(layer.groups, -1)
    channels.tie(groups, groups[0])
    channels.bind(CONSUMER, layer, "kernel", -2, groups[0])
    output = _produce(channels, call, "kernel", -1, positions)
    groups = output.reshape(layer.groups, -1)
    channels.tie(groups, groups[0])
    return output


def _convolve_transposed(channels, call, x):
    channels.bind(CONSUMER, call.operation, "kernel", -1, x)
    return _produce(channels, call, "kernel", -2, count_positions(call.shapes[0]))


def _convolve_depthwise(channels, call, x):
    output = np.repeat(x, call.operation.depth_multiplier)
    return _act_alone(channels, call, "kernel", -2, x, output)


def _convolve_separable(channels, call, x):
    layer = call.operation
    positions = count_positions(call.output_shape)
    channels.bind(FOLLOWER, layer, "depthwise_kernel", -2, x)
    channels.multiply(layer.depthwise_kernel, positions)
    x = np.repeat(x, layer.depth_multiplier)
    channels.bind(CONSUMER, layer, "pointwise_kernel", -2, x)
    return _produce(channels, call, "pointwise_kernel", -1, positions)


def _act_alone(channels, call, weight, axis, x, output):
    """Binds a kernel that acts on each channel alone, and the bias after it."""
    channels.bind(FOLLOWER, call.operation, weight, axis, x)
    channels.multiply(getattr(call.operation, weight), count_positions(call.output_shape))
    return _finish(channels, call, output)


def _produce(channels, call, weight, axis, positions):
    """Binds a kernel's output channels, and the bias after it."""
    variable = getattr(call.operation, weight)
    channels.multiply(variable, positions)
    output = channels.new(variable.shape[axis])
    channels.bind(PRODUCER, call.operation, weight, axis, output)
    return _finish(channels, call, output)


def _finish(channels, call, output):
    if call.operation.use_bias:
        channels.bind(FOLLOWER, call.operation, "bias", 0, output)
    return _activate(channels, call, output)


_RULES = {
    **dict.fromkeys((_ELEMENTWISE_LAYERS + _SPATIAL_LAYERS + _ELEMENTWISE_OPS).split(), _same),
    **dict.fromkeys(_MERGES.split(), _merge),
    **dict.fromkeys(("Conv1D", "Conv2D", "Conv3D"), _convolve),
    **dict.fromkeys(
        ("Conv1DTranspose", "Conv2DTranspose", "Conv3DTranspose"), _convolve_transposed
    ),
    **dict.fromkeys(("DepthwiseConv1D", "DepthwiseConv2D"), _convolve_depthwise),
    **dict.fromkeys(("SeparableConv1D", "SeparableConv2D"), _convolve_separable),
    **dict.fromkeys(("Amax", "Amin", "Max", "Mean", "Min", "Sum"), _reduce),
    **dict.fromkeys(("Flatten", "Permute", "Reshape"), _rearrange),
    "Activation": _activate,
    "BatchNormalization": _normalize,
    "Concatenate": _concatenate,
    "Dense": _dense,
    "MultiHeadAttention": attention.bind_heads,
    "PReLU": _prelu,
    "Rescaling": _rescale,
}
