"""Discrimination-aware channel pruning."""

import math
from collections.abc import Mapping
from itertools import islice
from numbers import Integral, Real

import keras
import numpy as np
import tensorflow as tf

from tfsparse.arguments import check_positive
from tfsparse.prune import schedules
from tfsparse.prune.batches import check_data, endless_batches, labelled_batches
from tfsparse.prune.channels import widths
from tfsparse.prune.channels.budget import amount_to_cut, within_budget
from tfsparse.prune.channels.dcp.selection import Selection
from tfsparse.prune.channels.dcp.stages import make_stages, train_stage
from tfsparse.prune.channels.masked_channels import MaskedChannels
from tfsparse.prune.channels.scope import check_channel_scope

_BATCH_SIZE = 128


class DiscriminationAwareChannelPruning(MaskedChannels):
    """Keeps the channels that help to tell classes apart, chosen one after the other on data.

    Extra losses divide the model into stages of even depth. In each stage the whole model is first
    trained with the stage's extra loss and its own. Then, for each group of channels that is read
    in the stage, channels are let in greedily, from none: those along whose weights the gradient of
    the loss is largest, a few at a time. After each addition the weights that read them are
    adapted. The loss of a choice is `L_M + lambda_ * L_S`: how far the outputs of the layers that
    read the channels move, and the stage's extra loss. After the last stage, the rest of the `fit`
    fine-tunes what is left.

    All of this happens before one batch of `fit`, the first by default. What is not chosen is cut
    as by `ChannelPruning`: zero in all its places, inside each compiled train step, and logged
    alike; `tfsparse.shrink(model)` makes the smaller model. The extra losses are never a part of
    the model. A `fit` that is interrupted leaves a model that works, and the next one goes on with
    the groups that have not been cut yet.

    For functional and Sequential Keras 3 models with one output (batch, classes), compiled with any
    loss that fits it. Not under a `tf.distribute.Strategy` with several replicas.

    From Zhuang et al., "Discrimination-aware Channel Pruning for Deep Neural Networks", 2018
    (https://arxiv.org/abs/1810.11809).

    Args:
        rate: Float in [0, 1), the fraction of each group's channels to cut, 0.5 by default.
        data: A tuple `(x, y)` of arrays, or a `tf.data.Dataset` or another iterable of batches that
            can be read again, of inputs and labels.
        multiply_adds: Float in (0, 1), a budget instead of a rate: the fraction of the model's
            multiply-adds that may remain.
        tolerance: Float, instead of both: a group is complete as soon as an addition changes its
            loss by no more than this fraction of the loss without any channel. 0.001 in the paper.
        num_losses: Int, how many extra losses. In the paper 3 for ResNet-56 and 2 for VGG.
        lambda_: Float, the weight of the extra losses in the choice; 0 compares outputs only.
        channels_per_step: How many channels are let in at a time: a float is a fraction of the
            group, an int a number.
        samples: Int, examples that each choice looks at, and as many that weights are adapted with
            after it. Time grows in proportion.
        stage_steps: Int, steps that train the whole model when a stage begins.
        learning_rate: Float, of all steps that this callback makes itself, which are of SGD with a
            Nesterov momentum of 0.9.
        batch_size: Int, examples in a batch if `data` is a tuple.
        multiple_of: As in `ChannelPruning`.
        scope: As in `ChannelPruning`.
        begin: When to prune: a float in [0, 1] is a fraction of the training, an int is a step. The
            method expects a trained model.

    Raises:
        TypeError: An argument is of a wrong type. `fit` and `apply` raise it if the model is no
            Keras 3 model.
        ValueError: An argument is out of its range. `fit` and `apply` raise it if the model is not
            built, compiled, or of the kind above, the scope matches no group of it, the budget is
            out of reach, or there is no data.

    Example:

    ```python
    model.fit(x, y, epochs=20)
    pruning = tfsparse.DiscriminationAwareChannelPruning(multiply_adds=0.5, data=(x, y))
    model.fit(x, y, epochs=20, callbacks=[pruning])
    smaller = tfsparse.shrink(model)
    ```
    """

    def __init__(
        self,
        rate=None,
        *,
        data=None,
        multiply_adds=None,
        tolerance=None,
        num_losses=3,
        lambda_=1.0,
        channels_per_step=0.05,
        samples=1024,
        stage_steps=200,
        learning_rate=0.01,
        batch_size=_BATCH_SIZE,
        multiple_of=1,
        scope="inner",
        begin=0.0,
    ):
        check_channel_scope(scope)
        if tolerance is not None:
            _check_number("tolerance", tolerance)
            _check_adaptive(tolerance, rate, multiply_adds, multiple_of, scope)
        # With a tolerance it only says that it is time.
        amount = amount_to_cut(rate, multiply_adds, scope)
        super().__init__(scope, schedules.ConstantSparsity(amount, begin))
        if data is not None:
            check_data(data)
        check_positive("multiple_of", multiple_of)
        _check_number("lambda_", lambda_)
        _check_number("learning_rate", learning_rate)
        _check_int("num_losses", num_losses, 0)
        _check_int("samples", samples, 1)
        _check_int("stage_steps", stage_steps, 0)
        _check_int("batch_size", batch_size, 1)
        _check_channels_per_step(channels_per_step)
        self.data = data
        self.tolerance = tolerance
        self.num_losses = num_losses
        self.lambda_ = lambda_
        self.channels_per_step = channels_per_step
        self.samples = samples
        self.stage_steps = stage_steps
        self.learning_rate = learning_rate
        self.batch_size = batch_size
        self.multiple_of = multiple_of
        self._has_budget = multiply_adds is not None

    def apply(self, model, data=None, verbose=0):
        """Prunes at once, outside of `fit`.

        Args:
            model: Built and compiled Keras 3 model; see the class.
            data: Inputs and labels, instead of those given to the constructor.
            verbose: 1 to show a progress bar, 2 for one line at the end.

        Returns:
            The fraction of the channels in the scope that are cut, a float.

        Raises:
            TypeError: `model` is no Keras 3 model, or `data` cannot be read.
            ValueError: The model is not of the kind that the class asks for, the scope matches no
                group, the budget is out of reach, or there is no data.
            RuntimeError: Called inside a `tf.function`.
        """
        if data is not None:
            check_data(data)
            self.data = data
        self._verbose = verbose
        return self._cut_at_once(model)

    def on_train_begin(self, logs=None):
        """Attaches masks that prune nothing yet."""
        self._verbose = (self.params or {}).get("verbose", 0)
        super().on_train_begin(logs)

    def _attach(self, model, train_step=None):
        self._check(model)
        super()._attach(model, train_step)
        # What cannot be done is better refused now than in the middle of a training.
        self._widths()

    def _check(self, model):
        if self.data is None:
            raise ValueError(
                "Channels are chosen on data. Give it as data=(x, y), to "
                "DiscriminationAwareChannelPruning or to apply."
            )
        if not getattr(model, "compiled", False):
            raise ValueError(
                f"Channels are chosen by the loss, and model {model.name!r} has none yet. Call "
                "model.compile first."
            )
        outputs = tf.nest.flatten(model.outputs) if model.built else []
        if [len(output.shape) for output in outputs] != [2]:
            raise ValueError(
                "Expected a model with one output of shape (batch, classes), which the extra "
                f"losses can imitate. Received outputs: {outputs}"
            )
        if getattr(model.distribute_strategy, "num_replicas_in_sync", 1) > 1:
            raise ValueError(
                "Channels are chosen on one replica. Call apply(model, data) outside of the "
                "strategy's scope, and train afterwards."
            )

    def _update(self, amount):
        removed = {group: np.flatnonzero(self._dead(group)) for group in self._groups}
        self._cut(removed)
        if amount:
            self._prune(removed)

    def _prune(self, removed):
        """Runs all stages.

        Args:
            removed: Dict from groups to int arrays, the channels that are gone already; those that
                are not chosen are added to it.
        """
        model, program, widths_ = self._masked_model, self._graph.program, self._widths()
        todo = [g for g in self._groups if g.consumers and not self._is_done(g, removed, widths_)]
        if not todo:
            return
        measured = list(islice(labelled_batches(self.data, self.batch_size), self._num_batches))
        batches = endless_batches(self.data, self.batch_size)
        # fit's "auto" is 1.
        verbose = 2 if self._verbose == 2 else int(bool(self._verbose))
        progress = keras.utils.Progbar(len(todo), verbose=verbose, unit_name="group")
        for stage in make_stages(program, todo, self.num_losses):
            start = islice(batches, self.stage_steps)
            train_stage(stage, model, program, start, self.learning_rate)
            selection = Selection(model, program, stage, measured, self.lambda_, self.learning_rate)
            for group in stage.groups:
                chosen, loss = selection.choose(
                    group,
                    np.setdiff1d(np.arange(group.size), removed[group]),
                    widths_[group],
                    _channels_per_step(self.channels_per_step, group.size),
                    lambda: islice(batches, self._num_batches),
                    self.tolerance,
                )
                removed[group] = np.setdiff1d(np.arange(group.size), chosen)
                self._cut(removed)
                progress.add(1, [("loss", loss)])

    @property
    def _num_batches(self):
        """Batches that each choice looks at, where `data` says how large they are."""
        return -(-self.samples // self.batch_size)

    def _is_done(self, group, removed, widths_):
        if self.tolerance is not None:
            return len(removed[group]) > 0
        return group.size - len(removed[group]) <= widths_[group]

    def _widths(self):
        """Returns how many channels each group may keep, a dict from groups to ints."""
        if self.tolerance is not None:
            return {group: group.size for group in self._groups}
        scores = [np.where(self._dead(group), -np.inf, 0.0) for group in self._groups]
        amount = self.schedule.final_sparsity

        def removed_at(rate):
            cuts = widths.uniform_cuts(scores, self._rates(self._groups, rate))
            chosen = widths.remove_lowest(scores, cuts, self.multiple_of)
            return dict(zip(self._groups, chosen, strict=True))

        if self._has_budget:
            channels = sum(group.size for group in self._groups)
            chosen = within_budget(self._graph, removed_at, 1 - amount, channels)
        else:
            chosen = removed_at(amount)
        return {group: group.size - len(gone) for group, gone in chosen.items()}


def _channels_per_step(channels_per_step, size):
    if isinstance(channels_per_step, Integral):
        return int(channels_per_step)
    return max(1, round(channels_per_step * size))


def _check_adaptive(tolerance, rate, multiply_adds, multiple_of, scope):
    if rate is not None or multiply_adds is not None or isinstance(scope, Mapping):
        raise ValueError(
            "Give one of tolerance, rate, multiply_adds, or a mapping as scope: with a tolerance "
            f"the losses say how many channels a group needs. Received: tolerance={tolerance}, "
            f"rate={rate}, multiply_adds={multiply_adds}, scope={scope!r}"
        )
    if multiple_of != 1:
        raise ValueError(
            "With a tolerance the losses say how many channels a group needs, and multiple_of "
            f"cannot. Received: tolerance={tolerance}, multiple_of={multiple_of}"
        )


def _check_number(name, value):
    if not isinstance(value, Real) or isinstance(value, bool) or not 0 <= value < math.inf:
        raise ValueError(f"Expected {name} to be a float of at least 0. Received: {value!r}")


def _check_int(name, value, least):
    if not isinstance(value, Integral) or isinstance(value, bool) or value < least:
        raise ValueError(f"Expected {name} to be an int of at least {least}. Received: {value!r}")


def _check_channels_per_step(value):
    is_int = isinstance(value, Integral) and not isinstance(value, bool)
    is_fraction = isinstance(value, Real) and not isinstance(value, Integral)
    if not (is_int and value >= 1) and not (is_fraction and 0 < value <= 1):
        raise ValueError(
            "Expected channels_per_step to be a fraction of a group (a float in (0, 1]) or a "
            f"number of channels (an int of at least 1). Received: {value!r}"
        )
