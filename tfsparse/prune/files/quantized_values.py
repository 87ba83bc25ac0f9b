"""Quantised tensors as real numbers: `scale * (integer - zero point)`."""

import numpy as np

from tfsparse import flatbuffer


def dequantized(values, tensor):
    """The real numbers of a tensor: a float64 array, or for a float tensor its own values.

    Args:
        values: Array, as the tensor's type stores it.
        tensor: The `TensorT`, of which `fault` finds nothing.
    """
    if values.dtype.kind == "f":
        return values
    return _along(values, scales_of(tensor)) * (values.astype(np.float64) - _zero_point(tensor))


def quantized(reals, tensor):
    """The nearest values that a tensor can store, in its type; the inverse of `dequantized`."""
    dtype = flatbuffer.DTYPES[tensor.type]
    if dtype.kind == "f":
        return reals.astype(dtype)
    integers = np.round(reals / _along(reals, scales_of(tensor))) + _zero_point(tensor)
    return np.clip(integers, *_limits(dtype)).astype(dtype)


def scales_of(tensor):
    """The scales of a tensor, a float64 array: one, or one for each entry of dimension 0."""
    return _array(tensor.quantization, "scale").astype(np.float64)


def fault(tensor, *, symmetric):
    """The reason why the integers of a tensor stand for no real numbers; empty if they do.

    Args:
        tensor: A `TensorT`.
        symmetric: Whether its zero point must be 0, as that of weights and biases is.
    """
    parameters = tensor.quantization
    scales, zero_points = _array(parameters, "scale"), _array(parameters, "zeroPoint")
    sizes = {1, *flatbuffer.ints(tensor.shape)[:1]} if symmetric else {1}
    if len(scales) not in sizes or len(zero_points) not in (0, len(scales)):
        return f"{len(scales)} scales"
    if len(scales) > 1 and parameters.quantizedDimension:
        return f"scales of dimension {parameters.quantizedDimension}"
    if not (np.isfinite(scales) & (scales > 0)).all():
        return "a scale that is no positive number"
    if symmetric and zero_points.any():
        return "a zero point that is not 0"
    return ""


def _zero_point(tensor):
    """That of a tensor without faults, in which more than one are all 0."""
    return next(iter(_array(tensor.quantization, "zeroPoint")), 0)


def _array(parameters, name):
    """A field of quantisation parameters as an array, empty where there is none."""
    field = getattr(parameters, name, None)
    return np.atleast_1d([] if field is None else field)


def _along(values, scales):
    """Scales in a shape that multiplies each entry of dimension 0 of an array by its own."""
    return scales.reshape(-1, *[1] * (values.ndim - 1)) if len(scales) > 1 else scales


def _limits(dtype):
    """The integers from which and to which weights and biases go: as many below 0 as above."""
    most = np.iinfo(dtype).max
    return -most, most
