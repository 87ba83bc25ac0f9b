"""Kernels of which each weight is a signed power of two, or zero, times a scale."""

import numpy as np
import tensorflow as tf

from tfsparse.prune.masks import Mask
from tfsparse.prune.variables import read, write

# The projection ends when no code changes, which it mostly does in fewer rounds than ten.
_MOST_ROUNDS = 100


def project(weights, bits):
    """Returns the nearest weights of the form scale x code, and the codes.

    Scale and codes are chosen in turn, each being best for the other, until codes stay. From Leng
    et al., "Extremely Low Bit Neural Network: Squeeze the Last Bit Out with ADMM", 2018
    (https://arxiv.org/abs/1707.09870), section 3.

    Args:
        weights: Float array.
        bits: Int, at least 2: codes are 0 and -2^i and 2^i for i below 2^(bits - 1) - 1.

    Returns:
        Two arrays of the shape of the weights, of its dtype and of int32.
    """
    exact = weights.astype(np.float64)
    largest = 2 ** (2 ** (bits - 1) - 2)
    scale = np.abs(exact).mean() / ((1 + largest) / 2)
    codes = np.zeros(weights.shape, np.int32)
    for _ in range(_MOST_ROUNDS):
        before, codes = codes, _nearest_codes(exact, scale, largest)
        if np.array_equal(before, codes):
            break
        scale = np.sum(exact * codes) / np.sum(codes.astype(np.float64) ** 2)
    return (scale * codes).astype(weights.dtype), codes


def _nearest_codes(weights, scale, largest):
    if not scale:
        return np.zeros(weights.shape, np.int32)
    size = np.abs(weights) / scale
    # Half-way between two powers of two is 1.5 times the smaller one.
    power = 2.0 ** np.floor(np.log2(np.maximum(size, 0.5) / 0.75))
    power = np.minimum(np.where(size < 0.5, 0, np.maximum(power, 1)), largest)
    return np.where(weights < 0, -power, power).astype(np.int32)


class PowerOfTwoKernel(Mask):
    """Keeps the codes of a kernel; their scales are trained.

    While attached, it is part of the variable's constraint, as a `Mask` is: after each update the
    weights become those of the same codes that are nearest.

    Args:
        variable: Kernel of a built layer of Keras 3.
        strategy: The model's `tf.distribute.Strategy`.
        per_channel: Bool, whether each output channel, which is last, has a scale of its own.
    """

    def __init__(self, variable, strategy, per_channel=False):
        super().__init__(variable, strategy, "low-bit weights")
        self._axes = list(range(len(variable.shape) - per_channel))
        with tf.init_scope(), strategy.scope():
            codes = tf.zeros(variable.shape, tf.int32)
            self._codes = tf.Variable(codes, trainable=False, name="codes")

    def round(self, weights, codes):
        """Makes the weights the given ones, scales times codes, arrays of the kernel's shape."""
        write(self._codes, codes)
        write(self.variable, weights)
        self.assign(codes != 0)

    def zero(self, variable):
        """Gives another variable of the same shape, such as an average, the same codes."""
        values = read(variable)
        write(variable, self(tf.constant(values)).numpy())

    def holds(self, weights):
        """Returns whether an array is scales times the codes."""
        # Sums in float32 differ in the last digits.
        return np.allclose(weights, self(tf.constant(weights)).numpy(), rtol=1e-5, atol=0)

    def __call__(self, weights):
        """Returns the nearest weights with the codes."""
        weights = tf.convert_to_tensor(weights)
        codes = tf.cast(self._codes, tf.float32)
        # What another mask has pruned since has no part in the scale.
        kept = tf.where(weights != 0, codes, 0.0)
        along = tf.reduce_sum(tf.cast(weights, tf.float32) * kept, self._axes, keepdims=True)
        sizes = tf.reduce_sum(kept**2, self._axes, keepdims=True)
        scale = tf.math.divide_no_nan(along, sizes)
        return tf.cast(scale * kept, weights.dtype)
