"""Kernels of which each weight is one of three values, two of them trained."""

import numpy as np
import tensorflow as tf

from tfsparse.prune.masks import Mask
from tfsparse.prune.variables import read, write

# Adam's own, for the two values.
_BETAS = (0.9, 0.999)


class TernaryKernel(Mask):
    """Keeps a kernel at -Wn, 0 and Wp, and latent weights of full precision beside it.

    The variable holds the ternary weights between any two steps, so whatever evaluates, saves or
    interrupts a training finds those. `train` is a hook of its gradient, and the constraint of the
    variable comes after: what the optimizer adds to the variable in between is added to the latent
    weights, and the variable gets the ternary weights of these.

    Args:
        variable: Kernel of a built layer of Keras 3.
        strategy: The model's `tf.distribute.Strategy`.
        threshold: Float, latent weights up to this part of the largest one are zero.
        scale_rate: Float, by which part the two values change in a step at most, about.
    """

    def __init__(self, variable, strategy, threshold, scale_rate):
        super().__init__(variable, strategy, "ternary")
        self._threshold, self._rate = threshold, scale_rate
        with tf.init_scope(), strategy.scope():
            self._latent = _state(tf.zeros(variable.shape), "latent_weights")
            self._scales = _state(tf.ones(2), "scales")  # Wp, Wn
            self._moments = _state(tf.zeros((2, 2)), "moments")
            # Updates so far, and the highest learning rate.
            self._past = _state(tf.zeros(2), "past")

    @property
    def sparsity(self):
        """Fraction of zeros in the variable, a float."""
        return float(np.mean(self.weights() == 0))

    def start(self):
        """Makes the weights ternary.

        Latent weights of an earlier training go on if the variable still is what they make of it.
        """
        weights = self.weights().astype(np.float32)
        if not np.array_equal(weights, self._ternary(self._latent).numpy()):
            write(self._latent, weights)
            write(self._scales, _mean_scales(weights, self._signs(self._latent).numpy()))
            for state in (self._moments, self._past):
                write(state, np.zeros(state.shape, np.float32))
        write(self.variable, self._ternary(self._latent).numpy().astype(self.weights().dtype))

    def holds(self, weights):
        """Returns whether an array has at most one positive and one negative value."""
        return all(len(np.unique(weights[side])) <= 1 for side in (weights > 0, weights < 0))

    def zero(self, variable):
        """Makes another variable of the same shape, such as an average, ternary."""
        values = read(variable)
        made = self.nearest(tf.convert_to_tensor(values, tf.float32))
        write(variable, made.numpy().astype(values.dtype))

    def nearest(self, values):
        """Returns the tensor nearest to another one that is ternary with the signs of now."""
        signs = self._signs(self._latent)
        means = [
            tf.math.divide_no_nan(tf.reduce_sum(tf.where(side, values, 0.0)), _count(side))
            for side in (signs > 0, signs < 0)
        ]
        return tf.where(signs > 0, means[0], tf.where(signs < 0, means[1], 0.0))

    def train(self, gradient, variable, learning_rate):
        """Trains the two values; returns the gradient of the latent weights.

        With g the gradient of the ternary weights, that of Wp is the sum of g where they are Wp,
        and that of Wn the sum of -g where they are -Wn. The gradient of the latent weights is Wp g,
        g and Wn g, by what they become; Wp and Wn count in units of their mean.

        Args:
            gradient: Tensor, of the ternary weights.
            variable: The variable.
            learning_rate: Scalar tensor, of the optimizer.
        """
        weights, g = (tf.cast(tf.convert_to_tensor(x), tf.float32) for x in (variable, gradient))
        ternary, signs = self._ternary(self._latent), self._signs(self._latent)
        # Weight decay has multiplied the variable by a number. It is meant for the latent weights.
        size = tf.reduce_sum(ternary**2)
        decay = tf.where(size > 0, tf.math.divide_no_nan(tf.reduce_sum(weights * ternary), size), 1)
        self._latent.assign(self._latent * decay)
        sums = [
            tf.reduce_sum(tf.where(signs > 0, g, 0.0)),
            -tf.reduce_sum(tf.where(signs < 0, g, 0.0)),
        ]
        self._move_scales(tf.stack(sums), tf.cast(learning_rate, tf.float32))
        variable.assign(tf.cast(self._ternary(self._latent), variable.dtype))
        wp, wn = tf.unstack(self._scales / tf.reduce_mean(self._scales))
        factors = tf.where(signs > 0, wp, tf.where(signs < 0, wn, 1.0))
        return gradient * tf.cast(factors, gradient.dtype)

    def __call__(self, weights):
        """Returns the ternary weights after an update that has made the weights what they are."""
        weights = tf.convert_to_tensor(weights)
        moved = tf.cast(weights, tf.float32) - self._ternary(self._latent)
        self._latent.assign(self._latent + moved)
        return tf.cast(self._ternary(self._latent), weights.dtype)

    def _signs(self, latent):
        size = tf.abs(latent)
        return tf.where(size > self._threshold * tf.reduce_max(size), tf.sign(latent), 0.0)

    def _ternary(self, latent):
        signs = self._signs(latent)
        wp, wn = tf.unstack(tf.convert_to_tensor(self._scales))
        return tf.where(signs > 0, wp, tf.where(signs < 0, -wn, 0.0))

    def _move_scales(self, gradients, learning_rate):
        """Makes a step of Adam on the logarithms of the two values, which so stay positive."""
        count, highest = tf.unstack(self._past)
        count, highest = count + 1, tf.maximum(highest, learning_rate)
        self._past.assign(tf.stack([count, highest]))
        gradients *= self._scales
        first, second = tf.unstack(self._moments)
        first = _BETAS[0] * first + (1 - _BETAS[0]) * gradients
        second = _BETAS[1] * second + (1 - _BETAS[1]) * gradients**2
        self._moments.assign(tf.stack([first, second]))
        first, second = first / (1 - _BETAS[0] ** count), second / (1 - _BETAS[1] ** count)
        rate = self._rate * tf.math.divide_no_nan(learning_rate, highest)
        step = rate * tf.math.divide_no_nan(first, tf.sqrt(second))
        self._scales.assign(self._scales * tf.exp(-step))


class TernaryAverage:
    """Keeps the moving average of a ternary kernel ternary; see `MaskedAverages`."""

    def __init__(self, kernel):
        self.variable = kernel.variable
        self._kernel = kernel

    def __call__(self, average):
        """Returns the average with one value for each sign."""
        average = tf.convert_to_tensor(average)
        return tf.cast(self._kernel.nearest(tf.cast(average, tf.float32)), average.dtype)


def _state(values, name):
    # All replicas compute the same.
    aggregation = tf.VariableAggregation.MEAN
    return tf.Variable(values, trainable=False, name=name, aggregation=aggregation)


def _count(side):
    return tf.reduce_sum(tf.cast(side, tf.float32))


def _mean_scales(weights, signs):
    """Returns the two values nearest to the weights of each sign, an array [Wp, Wn]."""
    kept = np.abs(weights[signs != 0])
    other = kept.mean() if kept.size else 1.0
    sides = [np.abs(weights[side]) for side in (signs > 0, signs < 0)]
    return np.float32([side.mean() if side.size else other for side in sides])
