"""The alternating direction method of multipliers (ADMM), which pulls weights towards a set."""

import numpy as np
import tensorflow as tf

from tfsparse.prune.optimizers import GradientHooks
from tfsparse.prune.variables import write


class Pull:
    """A hook that pulls a variable to an anchor: it adds `strength * (W - anchor)` to the gradient.

    Args:
        variable: Kernel of a built layer.
        strategy: The model's `tf.distribute.Strategy`.
    """

    def __init__(self, variable, strategy):
        self.variable = variable
        with tf.init_scope(), strategy.scope():
            # 0 without an anchor. A variable, so that the step is compiled only once.
            self._strength = tf.Variable(0.0, trainable=False, name="admm_rho")
            self._anchor = tf.Variable(
                tf.zeros(variable.shape, variable.dtype), trainable=False, name="admm_anchor"
            )

    def __call__(self, gradient, variable):
        """Returns the gradient with the term added."""
        strength = tf.cast(self._strength, gradient.dtype)
        return gradient + strength * tf.cast(variable - self._anchor, gradient.dtype)

    def move(self, anchor, strength):
        """Sets the anchor, a float array of the variable's shape, and the strength, a float."""
        write(self._anchor, anchor)
        self._strength.assign(strength)

    def stop(self):
        """Does not change the gradient from now on."""
        self._strength.assign(0.0)


class Admm:
    """Adds rho/2 ||W - Z + U||^2 to a loss, where Z is the nearest point of a set.

    W changes with each optimizer step, Z and U with each `update`: Z becomes the projection of
    W + U, and U the sum of the distances so far, so that the pull grows. The term's gradient is
    added inside the optimizer's update, so it needs no scale of the loss or of replicas,
    and is not clipped. From Boyd et al., "Distributed Optimization and Statistical Learning via the
    Alternating Direction Method of Multipliers", 2011.

    Args:
        optimizer: Optimizer that trains the variables.
        pulls: List of `Pull`, one for each variable. They have no effect before the first update.
        rho: Positive float.
    """

    def __init__(self, optimizer, pulls, rho):
        self._rho = rho
        self._duals = None
        self._pulls = pulls
        self._hooks = GradientHooks(optimizer)
        for pull in pulls:
            pull.stop()
            self._hooks.attach(pull.variable, pull)

    def update(self, weights, project):
        """Updates Z and U.

        Args:
            weights: List of float arrays, W.
            project: Function from such a list to the nearest point of the set.
        """
        if self._duals is None:
            projected = project(weights)
            self._duals = [np.zeros_like(w) for w in weights]
        else:
            sums = [w + u for w, u in zip(weights, self._duals, strict=True)]
            projected = project(sums)
            self._duals = [s - z for s, z in zip(sums, projected, strict=True)]
        for pull, z, u in zip(self._pulls, projected, self._duals, strict=True):
            pull.move(z - u, self._rho)

    def stop(self):
        """Does not change the loss from now on."""
        for pull in self._pulls:
            pull.stop()
        self._duals = None

    def detach(self):
        """Restores the optimizer's own updates."""
        self._hooks.detach()
