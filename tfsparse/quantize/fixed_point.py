"""Dynamic fixed point: integers of 8 bits times a power of two, which each tensor has of its own.

The exponent is given as the fraction length, the number of binary digits behind the point: the step
between two values is 2^-length. It is the one with the least sum of absolute errors, so that large
values may be clipped. From Qiu et al., "Going Deeper with Embedded FPGA Platform for Convolutional
Neural Network", 2016 (https://doi.org/10.1145/2847263.2847265).
"""

import numpy as np
import tensorflow as tf

LARGEST = 127
# TFLite's weights leave out -128; activations have it.
_LEAST_WEIGHT, _LEAST_VALUE = -127, -128
# Of activations, whose range is not known before they are seen.
LENGTHS = range(-8, 24)
# Of weights, beyond the length that clips none: more would clip at a sixtieth of the largest.
_EXTRA_LENGTHS = range(-1, 7)
# Activations of a batch that are looked at.
_SAMPLE = 4096
# Weights that are all zero need a length, too.
_SMALLEST = 1e-20


def step(length):
    """Returns the difference of two neighbouring values, 2^-length."""
    return 2.0 ** -tf.cast(length, tf.float32)


def round_to(values, length, least):
    """Returns the nearest values of a fraction length, from `least` steps to 127 steps."""
    size = step(length)
    return tf.clip_by_value(tf.round(values / size), least, LARGEST) * size


def weight_length(weights):
    """Returns the fraction length with the least error of some weights, a float32 scalar.

    A shorter length than the longest one that clips nothing has no smaller error: all values that
    it has are among those of the longer one.

    Args:
        weights: Float32 tensor.
    """
    largest = tf.maximum(tf.reduce_max(tf.abs(weights)), _SMALLEST)
    longest = tf.floor(tf.math.log((LARGEST + 0.5) / largest) / np.log(2.0).astype(np.float32))
    lengths = longest + tf.constant([*_EXTRA_LENGTHS], tf.float32)
    errors = [
        tf.reduce_sum(tf.abs(weights - round_to(weights, length, _LEAST_WEIGHT)))
        for length in tf.unstack(lengths)
    ]
    return lengths[tf.argmin(errors)]


def fake_quantize_weights(weights, factor):
    """Rounds weights that will be multiplied by a factor, so that the products are fixed-point.

    Args:
        weights: Float tensor.
        factor: Float32 tensor of which the shape is the end of that of the weights.

    Returns:
        Tensor of the shape and dtype of the weights, with gradients as if it were not rounded.
    """
    products = tf.cast(weights, tf.float32) * factor
    rounded = round_to(products, weight_length(products), _LEAST_WEIGHT)
    rounded = tf.cast(tf.math.divide_no_nan(rounded, factor), weights.dtype)
    return weights + tf.stop_gradient(rounded - weights)


def for_converter(weights, length):
    """Rounds weights by an operation of which TFLite's converter reads their scale.

    Args:
        weights: Float32 tensor.
        length: Float, their fraction length.
    """
    limit = LARGEST * 2.0**-length
    return tf.quantization.fake_quant_with_min_max_vars(
        weights, -limit, limit, num_bits=8, narrow_range=True
    )


def errors_of_values(x):
    """Returns the mean absolute errors of activations by fraction length, those of `LENGTHS`.

    At most 4096 of them are looked at, at equal distances.
    """
    values = tf.reshape(tf.stop_gradient(tf.cast(x, tf.float32)), [-1])
    values = values[:: (tf.size(values) + _SAMPLE - 1) // _SAMPLE]
    lengths = tf.constant([*LENGTHS])[:, None]
    return tf.reduce_mean(tf.abs(values - round_to(values, lengths, _LEAST_VALUE)), axis=1)


def limits_of(errors):
    """Returns what -128 and 127 stand for where the error is least, a tensor of two floats."""
    size = step(tf.constant([*LENGTHS])[tf.argmin(errors)])
    return tf.stack([_LEAST_VALUE * size, LARGEST * size])


def is_fixed_point(ranges):
    """Returns whether ranges of activations, pairs of floats, are all those of fixed point."""
    steps = [high / LARGEST for _, high in ranges]
    return bool(steps) and all(
        size > 0 and np.frexp(size)[0] == 0.5 and low == _LEAST_VALUE * size
        for size, (low, _) in zip(steps, ranges, strict=True)
    )
