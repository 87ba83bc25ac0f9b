"""Importance of the channels of a group.

An importance is a function from a `tfsparse.graph.ChannelGroup` to a float array with one score for
each channel, or to None to cut nothing in the group.
"""

import numpy as np
import tensorflow as tf

from tfsparse.prune.batches import labelled_batches, loss_on

NAMES = ("l1", "l2", "bn_gamma", "taylor", "random")


def l1(group):
    """Scores a channel by the mean magnitude of the weights that make it.

    From Li et al., "Pruning Filters for Efficient ConvNets", 2017
    (https://arxiv.org/abs/1608.08710). Divided by the mean of the group, to compare layers whose
    weights differ in scale.
    """
    scores = sum(np.abs(place.weights()).mean(axis=1) for place in group.producers)
    return _relative(scores)


def l2(group):
    """Scores a channel by the root mean square of the weights that make it, as `l1` does."""
    scores = sum(np.square(place.weights()).mean(axis=1) for place in group.producers)
    return _relative(np.sqrt(scores))


def bn_gamma(group):
    """Scores a channel by its scale in BatchNormalization, or the mean of several.

    From Liu et al., "Learning Efficient Convolutional Networks through Network Slimming", 2017
    (https://arxiv.org/abs/1708.06519).
    """
    scales = [np.abs(place.weights()).mean(axis=1) for place in gammas(group)]
    return np.mean(scales, axis=0) if scales else None


def gammas(group):
    """Returns the slices of a group that are scales of BatchNormalization, a list."""
    return [place for place in group.followers if place.weight == "gamma"]


class Random:
    """Scores channels at random, as a baseline."""

    def __init__(self, seed):
        self._generator = np.random.default_rng(seed)

    def __call__(self, group):
        """Returns a score in [0, 1) for each channel."""
        return self._generator.random(group.size)


class Taylor:
    """Scores a channel by the first-order change of the loss without it.

    For each kernel that reads a channel, the sum of weight x gradient over its slice equals that of
    activation x gradient over the channel. The score is the sum over all such kernels, squared and
    averaged over the batches. From Molchanov et al., "Importance Estimation for Neural Network
    Pruning", 2019 (https://arxiv.org/abs/1906.10771).

    Args:
        model: Compiled model, for its loss.
        groups: `ChannelGroup`s to score.
    """

    def __init__(self, model, groups):
        places = [place for group in groups for place in group.consumers]
        self._axes = {(id(p.variable), p.axis): (p.variable, p.axis) for p in places}
        self._loss_changes = _loss_changes(model, list(self._axes.values()))
        self._scores = {group: np.zeros(group.size) for group in groups}

    def measure(self, data, batch_size):
        """Measures the scores.

        Args:
            data: Inputs and labels; see `labelled_batches`.
            batch_size: Int, examples in a batch if `data` is a tuple.
        """
        changes = [
            dict(
                zip(
                    self._axes, (change.numpy() for change in self._loss_changes(x, y)), strict=True
                )
            )
            for x, y in labelled_batches(data, batch_size)
        ]
        for group in self._scores:
            lost = [sum(_along(place, batch) for place in group.consumers) for batch in changes]
            self._scores[group] = np.mean(np.square(lost), axis=0)

    def __call__(self, group):
        """Returns the scores of a group."""
        return self._scores[group]


def _along(place, changes):
    return changes[id(place.variable), place.axis][place.indices].sum(axis=1)


def _loss_changes(model, axes):
    """Returns a function of a batch: the sums of weight x gradient along axes of variables."""
    variables = [variable.value for variable, _ in axes]

    @tf.function(autograph=False, reduce_retracing=True)
    def measure(x, y):
        with tf.GradientTape() as tape:
            # The penalties on weights do not depend on the outputs.
            loss = loss_on(model, x, y, model(x, training=False))
        gradients = tape.gradient(loss, variables, unconnected_gradients="zero")
        return [
            tf.reduce_sum(w * g, [i for i in range(len(w.shape)) if i != axis])
            for w, g, (_, axis) in zip(variables, gradients, axes, strict=True)
        ]

    return measure


def _relative(scores):
    mean = scores.mean()
    return scores / mean if mean > 0 else scores
