"""Greedy selection of the channels that lower a loss the most."""

import keras
import numpy as np
import tensorflow as tf

from tfsparse.prune.channels.dcp.auxiliary_losses import forward

_MOMENTUM = 0.9


class Selection:
    """Selects channels of the groups of one stage, one group after the other.

    The loss of a group is `L = L_M + lambda L_S`. L_M is the reconstruction error: half the mean
    squared difference between the outputs of the layers that read the group and their outputs at
    the begin of the stage. L_S is the stage's loss. All layers run as in inference.

    Args:
        model: Compiled Keras 3 model.
        program: Its `tfsparse.graph.calls.Program`.
        stage: `Stage`.
        measured: List of batches `(x, y)` to measure losses and gradients on.
        auxiliary_weight: Float, the weight of L_S.
        learning_rate: Float, for the steps that optimize the weights of selected channels.
    """

    def __init__(self, model, program, stage, measured, auxiliary_weight, learning_rate):
        self._model, self._program, self._loss = model, program, stage.loss
        self._auxiliary_weight = auxiliary_weight
        self._measured, self._learning_rate = measured, learning_rate
        self._numbers = {group: tf.constant(i) for i, group in enumerate(stage.groups)}
        self._outputs = [_outputs_of(program, group, stage.loss.end) for group in stage.groups]
        kernels = {id(p.variable): p.variable for group in stage.groups for p in group.consumers}
        self._indices = {key: index for index, key in enumerate(kernels)}
        self._kernels = list(kernels.values())
        self._references = [tf.Variable(k.numpy(), trainable=False) for k in self._kernels]
        self._velocities = [tf.Variable(np.zeros_like(k)) for k in self._kernels]
        self._trained = [tf.Variable(np.zeros(k.shape, bool)) for k in self._kernels]

    def choose(self, group, candidates, count, per_step, batches, tolerance=None):
        """Selects channels of a group and optimizes the weights that read them.

        Afterwards the weights that read the other channels are zero. After an exception all weights
        are restored.

        Args:
            group: `ChannelGroup`.
            candidates: Int array, the channels to select from.
            count: Int, the most channels to select.
            per_step: Int, channels that are added at a time.
            batches: Function that returns the next batches `(x, y)` for the optimization.
            tolerance: Float; the selection ends when an addition changes the loss by no more than
                this fraction of the loss without any channel. None to add up to `count`.

        Returns:
            Int array, the channels in the order of their selection, and the last loss measured.
        """
        try:
            self._clear(group)
            loss, norms = self.measure(group)
            first, chosen = loss, np.array([], int)
            while len(chosen) < min(count, len(candidates)):
                left = np.setdiff1d(candidates, chosen)
                best = left[np.argsort(-norms[left], kind="stable")]
                added = best[: min(per_step, count - len(chosen))]
                chosen = np.append(chosen, added)
                self._add(group, added)
                for x, y in batches():
                    self._step(x, y, self._numbers[group])
                before = loss
                loss, norms = self.measure(group)
                if tolerance is not None and abs(before - loss) <= tolerance * first:
                    break
        except BaseException:
            self._restore(group)
            raise
        return chosen, loss

    def measure(self, group):
        """Measures the loss of a group, and the norm of its gradient for each channel.

        Args:
            group: `ChannelGroup`.

        Returns:
            The mean loss, a float, and the norm of the mean gradient with respect to the weights
            that read each channel, a float array (channels,).
        """
        total, sums = 0.0, [np.zeros(kernel.shape) for kernel in self._kernels]
        for x, y in self._measured:
            loss, gradients = self._gradients(x, y, self._numbers[group])
            total += float(loss)
            sums = [a + b.numpy() for a, b in zip(sums, gradients, strict=True)]
        batches, squares = len(self._measured), np.zeros(group.size)
        for place in group.consumers:
            gradient = np.moveaxis(sums[self._index(place)], place.axis, 0)[place.indices]
            squares += np.square(gradient).reshape(group.size, -1).sum(axis=1)
        return total / batches, np.sqrt(squares) / batches

    def _index(self, place):
        return self._indices[id(place.variable)]

    def _clear(self, group):
        """Zeroes all weights that read a group, and selects none."""
        for place in group.consumers:
            _write(place.variable, place, ..., 0)
        for trained in self._trained:
            trained.assign(tf.zeros_like(trained))

    def _add(self, group, channels):
        """Adds channels, with their weights from the begin of the stage."""
        for place in group.consumers:
            reference = self._references[self._index(place)].numpy()
            rows = np.moveaxis(reference, place.axis, 0)[place.indices[channels]]
            _write(place.variable, place, channels, rows)
            _write(self._trained[self._index(place)], place, channels, True)
        for velocity in self._velocities:
            velocity.assign(tf.zeros_like(velocity))

    def _restore(self, group):
        for place in group.consumers:
            reference = self._references[self._index(place)].numpy()
            rows = np.moveaxis(reference, place.axis, 0)[place.indices]
            _write(place.variable, place, ..., rows)

    @tf.function(autograph=False, reduce_retracing=True)
    def _gradients(self, x, y, index):
        """Returns the loss of a group, and its gradients with respect to the stage's kernels."""
        kernels = [kernel.value for kernel in self._kernels]
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(kernels)
            values = forward(self._program, x, self._loss.end)
            loss = tf.gather(self._reconstruction_errors(x, values), index)
            if self._auxiliary_weight:
                loss += self._auxiliary_weight * self._loss.loss(self._model, values, x, y)
        return loss, tape.gradient(loss, kernels, unconnected_gradients="zero")

    def _reconstruction_errors(self, x, values):
        """Returns L_M of each group, a float tensor [groups]."""
        before = zip(self._kernels, self._references, strict=True)
        with keras.StatelessScope([(kernel, tf.convert_to_tensor(w)) for kernel, w in before]):
            expected = forward(self._program, x, self._loss.end)
        return tf.stack(
            [
                sum(_mean_squared_difference(values[v], expected[v]) for v in outputs) / 2
                for outputs in self._outputs
            ]
        )

    @tf.function(autograph=False, reduce_retracing=True)
    def _step(self, x, y, index):
        """Makes a step of SGD with Nesterov momentum on the weights of the selected channels."""
        _, gradients = self._gradients(x, y, index)
        for kernel, gradient, velocity, trained in zip(
            self._kernels, gradients, self._velocities, self._trained, strict=True
        ):
            change = tf.where(trained, -self._learning_rate * gradient, 0.0)
            velocity.assign(_MOMENTUM * velocity + change)
            kernel.value.assign_add(_MOMENTUM * velocity + change)
            if kernel.constraint is not None:
                kernel.value.assign(kernel.constraint(kernel.value))


def _outputs_of(program, group, end):
    """Returns the outputs of the layers that read a group, a list of ints."""
    readers = {id(place.layer) for place in group.consumers}
    calls = [call for call in program.calls[: end + 1] if id(call.operation) in readers]
    return [value for call in calls for value in call.outputs]


def _mean_squared_difference(first, second):
    # Half precision would overflow.
    return tf.reduce_mean(tf.square(tf.cast(first, tf.float32) - tf.cast(second, tf.float32)))


def _write(variable, place, channels, values):
    """Writes to the positions of some of a place's channels in an array of its variable's shape."""
    array = variable.numpy()
    np.moveaxis(array, place.axis, 0)[place.indices[channels]] = values
    # The constraints include the masks of groups that are already cut.
    variable.assign(array if variable.constraint is None else variable.constraint(array))
