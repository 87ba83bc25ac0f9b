"""Floats rounded to what int8 can hold, with gradients as if they were not.

A scale and a zero point map int8 to floats: `scale * (q - zero_point)`. Rounding has a gradient of
0 almost everywhere, so its gradient is taken to be 1 (the straight-through estimator). From Jacob
et al., "Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only
Inference", 2018 (https://arxiv.org/abs/1712.05877).
"""

import tensorflow as tf

# TFLite's weights leave out -128, so that a zero point of 0 is in the middle.
_LARGEST_WEIGHT = 127


def fake_quantize_weights(kernel, channel_axes):
    """Rounds weights to int8 with one scale a channel and a zero point of 0.

    A weight of 0 stays 0. The scale follows from the largest weight of the channel, so a factor on
    a channel, such as that of a BatchNormalization which is folded into the weights, changes the
    scale and nothing else.

    Args:
        kernel: Float tensor.
        channel_axes: Tuple of ints, the axes along which weights have different scales.

    Returns:
        Tensor of the same shape and dtype.
    """
    weights = tf.cast(kernel, tf.float32)
    rank = len(weights.shape)
    axes = [axis for axis in range(rank) if axis not in {x % rank for x in channel_axes}]
    scale = tf.reduce_max(tf.abs(weights), axes, keepdims=True) / _LARGEST_WEIGHT
    rounded = tf.cast(tf.round(tf.math.divide_no_nan(weights, scale)) * scale, kernel.dtype)
    return kernel + tf.stop_gradient(rounded - kernel)


def fake_quantize_values(x, limits):
    """Rounds activations to int8 with one scale and one zero point.

    TFLite's converter reads the operation and gives the tensor that scale and zero point. Outside
    of the limits the gradient is 0.

    Args:
        x: Float tensor.
        limits: Pair of float32 scalars, at most 0 and at least 0: what -128 and 127 stand for.

    Returns:
        Tensor of the same shape and dtype.
    """
    rounded = tf.quantization.fake_quant_with_min_max_vars(tf.cast(x, tf.float32), *limits)
    return tf.cast(rounded, x.dtype)
