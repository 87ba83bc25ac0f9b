"""The one place where a mask meets a Keras variable."""

import numpy as np
import tensorflow as tf


class Mask:
    """Holds chosen positions of one variable at exactly zero.

    While attached, the mask is part of the variable's constraint, which every optimizer of Keras 3
    and of tf_keras applies inside its compiled update: it costs no Python at all in a step. The
    gradient at a pruned position is still computed.

    Args:
        variable: Kernel of a built layer: a `keras.Variable`, or a `tf.Variable` of tf_keras.
        strategy: The model's `tf.distribute.Strategy`.
    """

    def __init__(self, variable, strategy):
        self.variable = variable
        with tf.init_scope(), strategy.scope():
            self._keep = tf.Variable(
                tf.ones(variable.shape, tf.bool), trainable=False, name="pruning_mask"
            )
        self._sparsity = 0.0

    @property
    def size(self):
        """Number of positions, an int."""
        return int(np.prod(self.variable.shape))

    @property
    def sparsity(self):
        """Fraction of positions the mask holds at zero, a float."""
        return self._sparsity

    @property
    def keep(self):
        """True where a weight is kept: a bool array of the variable's shape."""
        return self._keep.numpy()

    def weights(self):
        """Returns the variable's values as a float32 array."""
        return np.asarray(self.variable.numpy()).astype(np.float32)

    def assign(self, keep):
        """Replaces the mask and zeroes what it prunes.

        Args:
            keep: Bool array of the variable's shape, True where a weight is kept.
        """
        self._keep.assign(keep)
        self._sparsity = 1 - float(np.mean(keep))
        self.apply()

    def apply(self):
        """Zeroes the pruned positions now."""
        self.variable.assign(self(self.variable))

    def holds(self):
        """Returns whether every pruned position is zero."""
        return not np.any(self.weights()[~self.keep])

    def attach(self):
        """Makes every optimizer update apply the mask, after the variable's own constraint."""
        for holder, attribute in _constraint_holders(self.variable):
            own = getattr(holder, attribute)
            # A training that was interrupted leaves its masks behind.
            own = own.inner if isinstance(own, _Masked) else own
            setattr(holder, attribute, _Masked(self, own))

    def detach(self):
        """Gives the variable back the constraint it had."""
        for holder, attribute in _constraint_holders(self.variable):
            constraint = getattr(holder, attribute)
            if isinstance(constraint, _Masked) and constraint.mask is self:
                setattr(holder, attribute, constraint.inner)

    def __call__(self, weights):
        """Returns the weights with the pruned positions zero; a select, so never -0 or NaN."""
        weights = tf.convert_to_tensor(weights)
        return tf.where(self._keep, weights, tf.zeros_like(weights))


class _Masked:
    """A variable's constraint with a mask on top of it."""

    def __init__(self, mask, inner):
        self.mask = mask
        self.inner = inner

    def __call__(self, weights):
        if self.inner is None:
            return self.mask(weights)
        # Masked before too: a norm must be that of the weights which remain.
        return self.mask(self.inner(self.mask(weights)))


def _constraint_holders(variable):
    """Yields the objects, and their attribute, where optimizers look for a constraint."""
    if not isinstance(variable, tf.Variable):
        yield variable, "constraint"  # Keras 3
        return
    # tf_keras: under mixed precision the variable is wrapped, under a strategy it is one a replica.
    variable = getattr(variable, "_variable", variable)
    for component in getattr(variable, "values", None) or (variable,):
        yield component, "_constraint"
