"""A model as the steps that TFLite makes of it, finer than its layers.

A layer with an activation is two steps, `silu` two more, an addition of three tensors two. Each
step has a kind, which says how TFLite treats the ranges of its inputs and output in int8. What the
converter does was looked up in files that it wrote (TensorFlow 2.21).
"""

import contextlib
import dataclasses
import itertools
from collections.abc import Callable

import keras
import tensorflow as tf

from tfsparse.graph import rules
from tfsparse.quantize.mode import inference_terms

# Kinds of steps.
KERNEL = "kernel"  # has weights; a BatchNormalization and a ReLU behind it become part of it
TRANSPOSED = "transposed"  # has weights; only a ReLU becomes part of it
NORM = "norm"  # BatchNormalization
ARITHMETIC = "arithmetic"  # a ReLU behind it becomes part of it
RELU = "relu"
OTHER = "other"  # an operator of its own, with a range of its own
FIXED = "fixed"  # TFLite prescribes the range
SAME = "same"  # inputs and output share one range, and values move without a change
ROUNDED = "rounded"  # inputs and output share one range, and values are rounded to it
FLOAT = "float"  # computed in float

_UNIT = (0.0, 255 / 256)
_FIXED_LIMITS = {"sigmoid": _UNIT, "softmax": _UNIT, "tanh": (-1.0, 127 / 128)}
# Names of functions, and of the operations of `keras.ops` in small letters without underscores.
_ACTIVATIONS = {
    "relu": RELU,
    "relu6": RELU,
    **dict.fromkeys(_FIXED_LIMITS, FIXED),
    **dict.fromkeys(("gelu", "hardsilu", "hardswish", "leakyrelu"), OTHER),
}
_MOVING = """
    ActivityRegularization Concatenate Cropping1D Cropping2D Dropout Flatten GlobalMaxPooling1D
    GlobalMaxPooling2D Identity MaxPooling1D MaxPooling2D Maximum Minimum Permute Reshape
    SpatialDropout1D SpatialDropout2D Transpose ZeroPadding1D ZeroPadding2D
"""
_KINDS = {
    **dict.fromkeys(("LeakyReLU", "Mean", "PReLU"), OTHER),
    **dict.fromkeys((f"GlobalAveragePooling{n}D" for n in (1, 2)), OTHER),
    **dict.fromkeys((f"AveragePooling{n}D" for n in (1, 2)), ROUNDED),
    "Resizing": ROUNDED,
    **dict.fromkeys(("Add", "Multiply", "Subtract"), ARITHMETIC),
    **dict.fromkeys(_MOVING.split(), SAME),
}
# Axes of a kernel along which weights have scales of their own: those of the output channels.
_CHANNEL_AXES = {
    **dict.fromkeys(("Dense", "Conv1D", "Conv2D"), (-1,)),
    **dict.fromkeys(("DepthwiseConv1D", "DepthwiseConv2D"), (-2, -1)),
    **dict.fromkeys(("Conv1DTranspose", "Conv2DTranspose"), (-2,)),
}


@dataclasses.dataclass(frozen=True, eq=False)
class Step:
    """One operator of TFLite, or several that have no ranges in between.

    Attributes:
        name: String, the layer it is of.
        kind: One of the kinds above.
        inputs: List of ints, the values it takes.
        outputs: List of ints, the values it makes.
        run: Function of a list of tensors and a `Mode`; returns what the layer returns.
        limits: Pair of floats, the range of the output that TFLite prescribes, or None.
        run_alone: Function like `run` for a BatchNormalization with no convolution before it.
        norm: The BatchNormalization that it is, or None.
    """

    name: str
    kind: str
    inputs: list
    outputs: list
    run: Callable
    limits: tuple | None = None
    run_alone: Callable | None = None
    norm: keras.Layer | None = None


def steps_of(program):
    """Returns the steps of a `tfsparse.graph.calls.Program`, in the order in which they run.

    Their first values are those of the program.
    """
    new = itertools.count(len(program.shapes))
    return [step for call in program.calls for step in _steps(call, new)]


def _steps(call, new):
    kind = rules.kind(call.operation)
    if kind in _CHANNEL_AXES:
        return _weighted(call, _CHANNEL_AXES[kind], new)
    if kind in ("SeparableConv1D", "SeparableConv2D"):
        return _separable(call, new)
    if kind in ("Add", "Multiply") and len(call.inputs) > 2:
        return _chain(call, tf.add if kind == "Add" else tf.multiply, new)
    if kind == "BatchNormalization":
        return [_normalization(call)]
    if kind in ("Activation", "Silu"):
        function = getattr(call.operation, "activation", keras.activations.silu)
        return _activation(call.operation.name, function, call, new)
    return [_single(call, _kind(call, kind))]


def _kind(call, kind):
    layer = call.operation
    if kind == "ReLU":
        return _kind_of_relu(layer)
    if kind in ("UpSampling1D", "UpSampling2D"):
        return SAME if getattr(layer, "interpolation", "nearest") == "nearest" else ROUNDED
    if kind == "Softmax" and layer.axis not in (-1, len(call.output_shape) - 1):
        return FLOAT
    return _KINDS.get(kind) or _ACTIVATIONS.get((kind or "").lower(), FLOAT)


def _kind_of_relu(layer):
    if layer.threshold or layer.max_value not in (None, 6):
        return FLOAT
    if layer.negative_slope:
        return OTHER if layer.max_value is None else FLOAT
    return RELU


def _single(call, kind):
    limits = _FIXED_LIMITS[rules.kind(call.operation).lower()] if kind == FIXED else None
    return Step(
        *(call.operation.name, kind, call.inputs, call.outputs),
        *(lambda values, mode: call.run(values), limits),
    )


def _normalization(call):
    layer, rank = call.operation, len(call.output_shape)
    if layer.axis % rank != rank - 1 or rank not in (2, 3, 4):
        return _single(call, FLOAT)

    def run(values, mode):
        if mode.is_in_weights(call.inputs[0]):
            return values[0] + tf.cast(inference_terms(layer)[1], values[0].dtype)
        return call.run(values, **({"training": False} if mode.freeze_batchnorm else {}))

    def run_alone(values, mode):
        # As a depthwise convolution each channel has a scale of its own, and the file computes what
        # was trained. TensorFlow would make it a product and a sum, with one scale for all.
        return run(values, mode) if mode.fake_quantize else _as_depthwise(layer, *values)

    return Step(layer.name, NORM, call.inputs, call.outputs, run, None, run_alone, layer)


def _as_depthwise(norm, x):
    """Computes BatchNormalization in inference as a convolution of 1x1 pixels."""
    factor, offset = inference_terms(norm)
    missing = list(range(1, 5 - len(x.shape)))
    for axis in missing:
        x = tf.expand_dims(x, axis)
    kernel = tf.reshape(factor, (1, 1, -1, 1))
    x = tf.nn.depthwise_conv2d(x, kernel, [1, 1, 1, 1], "VALID") + offset
    return tf.squeeze(x, missing) if missing else x


def _weighted(call, channel_axes, new):
    """The steps of a convolution or a dense layer."""
    layer = call.operation
    if not _can_be_quantized(layer, [layer.kernel]):
        return [_single(call, FLOAT)]

    def run(values, mode):
        with _linear(layer), _rounded(layer, channel_axes, mode, call.outputs[0]):
            return call.run(values)

    kind = TRANSPOSED if channel_axes == (-2,) else KERNEL
    return _with_activation(call, kind, call.inputs, run, new)


def _separable(call, new):
    """The steps of a depthwise and a pointwise convolution."""
    layer = call.operation
    if not _can_be_quantized(layer, [layer.depthwise_kernel, layer.pointwise_kernel]):
        return [_single(call, FLOAT)]

    def depthwise(values, mode):
        (x,) = values
        kernel = tf.cast(mode.weights(layer.depthwise_kernel, (-2, -1), between), x.dtype)
        return keras.ops.depthwise_conv(
            x, kernel, layer.strides, layer.padding, layer.data_format, layer.dilation_rate
        )

    def pointwise(values, mode):
        (x,) = values
        kernel = tf.cast(mode.weights(layer.pointwise_kernel, (-1,), call.outputs[0]), x.dtype)
        x = keras.ops.conv(x, kernel, 1, "valid", layer.data_format)
        return x + tf.cast(tf.convert_to_tensor(layer.bias), x.dtype) if layer.use_bias else x

    between = next(new)
    first = Step(layer.name, KERNEL, call.inputs, [between], depthwise)
    return [first, *_with_activation(call, KERNEL, [between], pointwise, new)]


def _with_activation(call, kind, inputs, run, new):
    layer = call.operation
    if layer.activation in (None, keras.activations.linear):
        return [Step(layer.name, kind, inputs, call.outputs, run)]
    before = next(new)
    first = Step(layer.name, kind, inputs, [before], run)
    return [first, *_activation(layer.name, layer.activation, call, new, [before])]


def _activation(name, function, call, new, inputs=None):
    """The steps of an activation function."""
    inputs = call.inputs if inputs is None else inputs
    kind, limits = _kind_of_function(function)
    if kind is not None:
        return [Step(name, kind, inputs, call.outputs, _applied(function), limits)]
    # silu: TFLite multiplies by a sigmoid.
    gate = next(new)
    sigmoid = keras.activations.sigmoid
    return [
        Step(name, FIXED, inputs, [gate], _applied(sigmoid), _UNIT),
        Step(name, ARITHMETIC, [*inputs, gate], call.outputs, _applied(tf.multiply)),
    ]


def _kind_of_function(function):
    """Returns the kind and the fixed limits of an activation function, no kind if it is silu."""
    own = getattr(function, "__module__", "").partition(".")[0] == "keras"
    name = getattr(function, "__name__", "").replace("_", "").lower() if own else ""
    if isinstance(function, keras.layers.ReLU):
        return _kind_of_relu(function), None
    if name in ("silu", "swish"):
        return None, None
    if name == "linear":
        return SAME, None
    return _ACTIVATIONS.get(name, FLOAT), _FIXED_LIMITS.get(name)


def _chain(call, function, new):
    """The steps of an addition or a multiplication of more than two tensors."""
    name, steps, so_far = call.operation.name, [], call.inputs[0]
    last = len(call.inputs) - 1
    for index, x in enumerate(call.inputs[1:], start=1):
        outputs = call.outputs if index == last else [next(new)]
        steps.append(Step(name, ARITHMETIC, [so_far, x], outputs, _applied(function)))
        (so_far,) = outputs
    return steps


def _applied(function):
    """Returns a function of tensors as a step runs it."""
    return lambda values, mode: function(*values)


def _can_be_quantized(layer, kernels):
    # Neither LoRA's sum of two kernels nor a kernel that is quantised already.
    plain = all(hasattr(k, "assign") and tf.as_dtype(k.dtype).is_floating for k in kernels)
    return plain and getattr(layer, "data_format", "channels_last") == "channels_last"


@contextlib.contextmanager
def _linear(layer):
    """Lets a layer run without its activation."""
    activation = layer.activation
    # Not by setattr: Keras would note a layer that is an activation once more.
    vars(layer)["activation"] = keras.activations.linear
    try:
        yield
    finally:
        vars(layer)["activation"] = activation


@contextlib.contextmanager
def _rounded(layer, channel_axes, mode, output):
    """Lets a layer run with a rounded kernel; its variables stay as they are."""
    if not mode.changes_weights:
        yield
        return
    rounded = [(layer.kernel, mode.weights(layer.kernel, channel_axes, output))]
    with keras.StatelessScope(rounded, collect_losses=True) as scope:
        yield
    layer.add_loss(scope.losses)
