"""An L1 penalty on the scales of BatchNormalization that can be switched off during training."""

import keras
import tensorflow as tf


class ScalePenalty:
    """Adds `strength * sum(|gamma|)` to a model's loss.

    It is a regularizer of the variable, so any train step of Keras 3 includes it.

    Args:
        variable: `keras.Variable`, the scales gamma of one layer.
        strategy: The model's `tf.distribute.Strategy`.
    """

    def __init__(self, variable, strategy):
        self._variable = variable
        with tf.init_scope(), strategy.scope():
            # A variable, so that the step is compiled only once.
            self._strength = tf.Variable(0.0, trainable=False, name="scale_penalty")

    def attach(self, strength):
        """Adds the term with a strength, a float, to the regularizer of the variable."""
        own = self._variable.regularizer
        # Replaces the term of an interrupted training.
        own = own.inner if isinstance(own, _Term) else own
        self._variable.regularizer = _Term(self._strength, own)
        self._strength.assign(strength)

    def detach(self):
        """Restores the variable's own regularizer."""
        if isinstance(self._variable.regularizer, _Term):
            self._variable.regularizer = self._variable.regularizer.inner

    def stop(self):
        """Sets the strength to 0, also in a compiled train step."""
        self._strength.assign(0.0)


# Keras 3.12, the last for Python 3.10, requires this class for a regularizer.
class _Term(keras.regularizers.Regularizer):
    """A variable's regularizer with the L1 term on top of it."""

    def __init__(self, strength, inner):
        self.strength = strength
        self.inner = inner

    def __call__(self, weights):
        term = tf.cast(self.strength, weights.dtype) * tf.reduce_sum(tf.abs(weights))
        return term if self.inner is None else term + self.inner(weights)
