"""Masks on Keras variables; no other module writes to masked positions."""

import keras
import numpy as np
import tensorflow as tf

from tfsparse.prune.variables import keep_only, read, replicas, write


class Mask:
    """Keeps the pruned positions of one variable at exactly zero.

    While attached, the mask is part of the variable's constraint. Every optimizer of Keras 3
    and of tf_keras applies it inside its compiled update, so that no Python code runs in a step.
    The gradient at a pruned position is still computed.

    Args:
        variable: Kernel of a built layer: a `keras.Variable`, or a `tf.Variable` of tf_keras.
        strategy: The model's `tf.distribute.Strategy`.
        kind: String. Masks of different kinds on one variable apply together; a mask of the same
            kind is replaced.
    """

    def __init__(self, variable, strategy, kind="weights"):
        self.variable = variable
        self.kind = kind
        # A copy on the host, so that an update waits for the device only once for each variable.
        self._keep = np.ones(variable.shape, bool)  # replaced, never written to
        with tf.init_scope(), strategy.scope():
            self._device_keep = tf.Variable(self._keep, trainable=False, name="pruning_mask")

    @property
    def size(self):
        """Number of positions, an int."""
        return self._keep.size

    @property
    def sparsity(self):
        """Fraction of positions that the mask prunes, a float."""
        return 1 - int(np.count_nonzero(self._keep)) / self._keep.size

    @property
    def keep(self):
        """True where a weight is kept: a bool array of the variable's shape."""
        return self._keep

    def weights(self):
        """Returns the variable's values as an array."""
        return read(self.variable)

    def assign(self, keep):
        """Replaces the mask and zeroes what it prunes.

        Args:
            keep: Bool array of the variable's shape, True where a weight is kept. It is not copied.
        """
        self._keep = np.asarray(keep, bool)
        write(self._device_keep, self._keep)
        self.apply()

    def apply(self):
        """Zeroes the pruned positions now."""
        self.zero(self.variable)

    def zero(self, variable):
        """Zeroes the pruned positions of another variable of the same shape, such as an average."""
        keep_only(variable, self._keep)

    def holds(self, weights):
        """Returns whether every pruned position is zero in an array of weights."""
        # For bools, greater is "and not"; indexing by a mask takes ten times as long.
        return not np.any((weights != 0) > self._keep)

    def reset(self):
        """Prunes nothing from now on; zeros stay until they are trained."""
        if not self._keep.all():
            self._keep = np.ones_like(self._keep)
            write(self._device_keep, self._keep)

    def attach(self):
        """Makes every optimizer update apply the mask, after the variable's own constraint."""
        for holder, attribute in _constraint_holders(self.variable):
            # Replaces the mask of an interrupted training.
            own = _without(getattr(holder, attribute), lambda mask: mask.kind == self.kind)
            setattr(holder, attribute, _Masked(self, own))

    def detach(self):
        """Restores the variable's own constraint."""
        for holder, attribute in _constraint_holders(self.variable):
            own = _without(getattr(holder, attribute), lambda mask: mask is self)
            setattr(holder, attribute, own)

    def __call__(self, weights):
        """Returns the weights with the pruned positions zero; a select, so never -0 or NaN."""
        weights = tf.convert_to_tensor(weights)
        return tf.where(self._device_keep, weights, tf.zeros((), weights.dtype))


# Keras 3.12, the last for Python 3.10, requires this class for a constraint.
class _Masked(keras.constraints.Constraint):
    """A variable's constraint with a mask on top of it."""

    def __init__(self, mask, inner):
        self.mask = mask
        self.inner = inner

    def __call__(self, weights):
        if self.inner is None:
            return self.mask(weights)
        # Masked before as well: a norm must be that of the remaining weights.
        return self.mask(self.inner(self.mask(weights)))


def _without(constraint, is_removed):
    """Returns a constraint without some of the masks on top of it."""
    if not isinstance(constraint, _Masked):
        return constraint
    inner = _without(constraint.inner, is_removed)
    return inner if is_removed(constraint.mask) else _Masked(constraint.mask, inner)


def _constraint_holders(variable):
    """Yields the objects, and their attribute, where optimizers look for a constraint."""
    if not isinstance(variable, tf.Variable):
        yield variable, "constraint"  # Keras 3
        return
    for replica in replicas(variable):
        yield replica, "_constraint"
