"""Kernels whose weights share a few values."""

import numpy as np
import tensorflow as tf

from tfsparse.prune.masks import Mask
from tfsparse.prune.variables import read, write


class SharedKernel(Mask):
    """Keeps the weights of each cluster of a kernel equal, and pruned weights at exactly zero.

    While attached, it is part of the variable's constraint, as a `Mask` is: after each update the
    weights of a cluster become their mean. As a hook of the gradient it gives each weight the sum
    of the gradients of its cluster, so that the centroid moves as if it were the variable.

    Args:
        variable: Kernel of a built layer of Keras 3.
        strategy: The model's `tf.distribute.Strategy`.
        count: Int, the largest number of clusters.
    """

    def __init__(self, variable, strategy, count):
        super().__init__(variable, strategy, "shared weights")
        self._codes = np.zeros(variable.shape, np.int32)
        self.count = count
        with tf.init_scope(), strategy.scope():
            self._device_codes = tf.Variable(self._codes, trainable=False, name="cluster_codes")

    def share(self, keep, codes):
        """Gives each weight a cluster, and makes weights equal.

        Args:
            keep: Bool array of the variable's shape, False where a weight stays zero.
            codes: Int32 array of that shape, the cluster of each weight, from 0 on.
        """
        self._codes = codes
        write(self._device_codes, codes)
        self.assign(keep)

    def zero(self, variable):
        """Makes the weights equal in another variable of the same shape, such as an average."""
        write(variable, self._shared(read(variable)))

    def holds(self, weights):
        """Returns whether the weights of each cluster are equal in an array, and the rest zero."""
        return np.array_equal(weights, self._shared(weights))

    def sum_gradients(self, gradient, variable):
        """Returns the gradients that the weights get: the sum over their cluster."""
        keep = tf.logical_and(self._device_keep, tf.convert_to_tensor(variable) != 0)
        return self._spread(gradient, keep, self._sums(gradient, keep))

    def __call__(self, weights):
        """Returns the weights with the mean of its cluster for each, and pruned positions zero."""
        weights = tf.convert_to_tensor(weights)
        # What another mask has pruned since has no part in the mean.
        keep = tf.logical_and(self._device_keep, weights != 0)
        sizes = self._sums(tf.ones_like(weights), keep)
        return self._spread(weights, keep, tf.math.divide_no_nan(self._sums(weights, keep), sizes))

    def _sums(self, values, keep):
        """Returns the sum of some values in each cluster, in float32."""
        kept = tf.where(keep, tf.cast(values, tf.float32), 0.0)
        return tf.math.unsorted_segment_sum(kept, self._device_codes, self.count)

    def _spread(self, like, keep, of_clusters):
        values = tf.cast(tf.gather(of_clusters, self._device_codes), like.dtype)
        return tf.where(keep, values, tf.zeros((), like.dtype))

    def _shared(self, weights):
        """Returns an array with the mean of its cluster for each weight."""
        keep = self._keep & (weights != 0)
        codes = self._codes[keep]
        # Sums of equal float32 values are exact in float64, and so are their means.
        sums = np.bincount(codes, weights[keep].astype(np.float64), self.count)
        means = sums / np.maximum(np.bincount(codes, minlength=self.count), 1)
        return np.where(keep, means.astype(weights.dtype)[self._codes], weights.dtype.type(0))


class Unit(Mask):
    """Keeps a variable, the scale of a BatchNormalization, at exactly 1."""

    def __init__(self, variable, strategy):
        super().__init__(variable, strategy, "shared weights")

    def zero(self, variable):
        """Makes another variable of the same shape, such as an average, 1."""
        write(variable, np.ones_like(read(variable)))

    def holds(self, weights):
        """Returns whether an array has only ones."""
        return bool(np.all(weights == 1))

    def __call__(self, weights):
        """Returns ones."""
        return tf.ones_like(tf.convert_to_tensor(weights))
