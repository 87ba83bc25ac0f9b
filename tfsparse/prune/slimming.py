"""An L1 term on the scales of BatchNormalization that can be switched off while a model trains."""

import keras
import tensorflow as tf


class ScalePenalty:
    """Adds `strength * sum(|gamma|)` to a model's loss.

    It is a regularizer of the variables, so any train step of Keras 3 counts it in.

    Args:
        variables: List of `keras.Variable`, the scales.
        strength: Float.
        strategy: The model's `tf.distribute.Strategy`.
    """

    def __init__(self, variables, strength, strategy):
        self._variables = variables
        with tf.init_scope(), strategy.scope():
            self._strength = tf.Variable(float(strength), trainable=False, name="scale_penalty")

    def attach(self):
        """Adds the term to the regularizers that the variables have."""
        for variable in self._variables:
            own = variable.regularizer
            # A training that was interrupted leaves its term behind.
            own = own.inner if isinstance(own, _Term) else own
            variable.regularizer = _Term(self._strength, own)

    def detach(self):
        """Gives the variables back the regularizers they had."""
        for variable in self._variables:
            if isinstance(variable.regularizer, _Term):
                variable.regularizer = variable.regularizer.inner

    def stop(self):
        """Takes the term out of a train step that is compiled already."""
        self._strength.assign(0.0)


# Keras 3.12, the last for Python 3.10, takes no other callable for a regularizer.
class _Term(keras.regularizers.Regularizer):
    """A variable's regularizer with the L1 term on top of it."""

    def __init__(self, strength, inner):
        self.strength = strength
        self.inner = inner

    def __call__(self, weights):
        term = tf.cast(self.strength, weights.dtype) * tf.reduce_sum(tf.abs(weights))
        return term if self.inner is None else term + self.inner(weights)
