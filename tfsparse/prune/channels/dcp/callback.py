"""Discrimination-aware channel pruning."""

from collections.abc import Mapping
from itertools import islice
from numbers import Integral, Real

import keras
import numpy as np
import tensorflow as tf

from tfsparse.annotations import LabelledData, Position, Scope
from tfsparse.arguments import check_int, check_number
from tfsparse.keras_models import student_of
from tfsparse.prune.batches import check_data, endless_batches, labelled_batches
from tfsparse.prune.channels import widths
from tfsparse.prune.channels.budget import within_budget
from tfsparse.prune.channels.dcp.selection import Selection
from tfsparse.prune.channels.dcp.stages import make_stages, train_stage
from tfsparse.prune.channels.masked_channels import MaskedChannels

_BATCH_SIZE = 128


class DiscriminationAwareChannelPruning(MaskedChannels):
    """Keeps the channels that discriminate between classes, selected greedily on data.

    Auxiliary losses divide the model into stages of equal depth. Each stage first trains the whole
    model with its auxiliary loss and the model's own. Then it selects channels for each group that
    is read in the stage: it starts with none, and adds a few at a time, those with the largest
    gradient of the loss. After each addition the weights that read the channels are optimized. The
    loss is `L_M + auxiliary_weight * L_S`: the reconstruction error of the layers that read the
    channels, and the stage's auxiliary loss. After the last stage, the rest of the `fit` fine-tunes
    the model.

    All of this happens before one batch of `fit`, by default the first. The other channels are cut
    as in `ChannelPruning`: their weights are zero inside each compiled train step, and the logs are
    the same. `tfsparse.shrink(model)` returns the smaller model. The auxiliary losses never become
    part of the model. A `fit` that is interrupted leaves a working model, and the next `fit`
    continues with the groups that are not cut yet.

    Supports functional and Sequential Keras 3 models with one output (batch, classes), compiled
    with any loss for it. A `tf.distribute.Strategy` with several replicas is not supported.

    From Zhuang et al., "Discrimination-aware Channel Pruning for Deep Neural Networks", 2018
    (https://arxiv.org/abs/1810.11809).

    Args:
        pruning_ratio: Float in [0, 1), the fraction of each group's channels to cut, 0.5 by
            default.
        data: A tuple `(x, y)` of arrays, or a `tf.data.Dataset` or another iterable of batches that
            can be read again, of inputs and labels.
        macs: A budget instead of a pruning ratio, as in `ChannelPruning`.
        tolerance: Float, instead of both: a group is complete when an addition changes its loss by
            no more than this fraction of the loss without any channel. 0.001 in the paper.
        num_auxiliary_losses: Int, their number. In the paper 3 for ResNet-56 and 2 for VGG.
        auxiliary_weight: Float, the weight of the auxiliary losses in the selection (the paper's
            lambda); 0 uses the reconstruction error only.
        channels_per_step: Channels that are added at a time: a float is a fraction of the group, an
            int a number.
        samples: Int, examples for each selection, and for the optimization after it. Time grows in
            proportion.
        stage_steps: Int, training steps of the whole model at the begin of each stage.
        learning_rate: Float, for the callback's own steps, which use SGD with a Nesterov momentum
            of 0.9.
        batch_size: Int, examples in a batch if `data` is a tuple.
        multiple_of: As in `ChannelPruning`.
        scope: As in `ChannelPruning`.
        begin: When to prune: a float in [0, 1] is a fraction of the training, an int is a step. The
            method needs a trained model.
        verbose: 0 prints nothing, 1 a progress bar, 2 one line at the end; `"auto"`, the default,
            is the `verbose` of `fit`, and 0 in `apply`.

    Raises:
        TypeError: An argument is of a wrong type. `fit` and `apply` raise it if the model is no
            Keras 3 model.
        ValueError: An argument is out of its range. `fit` and `apply` raise it if the model is not
            built, compiled, or of the kind above, the scope matches no group, the budget cannot be
            reached, or there is no data.

    Example:

    ```python
    model.fit(x, y, epochs=20)
    pruning = tfsparse.DiscriminationAwareChannelPruning(macs=0.5, data=(x, y))
    model.fit(x, y, epochs=20, callbacks=[pruning])
    smaller = tfsparse.shrink(model)
    ```
    """

    def __init__(
        self,
        pruning_ratio: float | None = None,
        *,
        data: LabelledData | None = None,
        macs: float | int | None = None,
        tolerance: float | None = None,
        num_auxiliary_losses: int = 3,
        auxiliary_weight: float = 1.0,
        channels_per_step: float | int = 0.05,
        samples: int = 1024,
        stage_steps: int = 200,
        learning_rate: float = 0.01,
        batch_size: int = _BATCH_SIZE,
        multiple_of: int = 1,
        scope: Scope = "inner",
        begin: Position = 0.0,
        verbose: int | str = "auto",
    ) -> None:
        if tolerance is not None:
            check_number("tolerance", tolerance)
            _check_adaptive(tolerance, pruning_ratio, macs, multiple_of, scope)
        # With a tolerance the schedule only gives the time.
        super().__init__(scope, pruning_ratio, macs, begin)
        if data is not None:
            check_data(data)
        check_int("multiple_of", multiple_of)
        check_number("auxiliary_weight", auxiliary_weight)
        check_number("learning_rate", learning_rate)
        check_int("num_auxiliary_losses", num_auxiliary_losses, least=0)
        check_int("samples", samples)
        check_int("stage_steps", stage_steps, least=0)
        check_int("batch_size", batch_size)
        _check_channels_per_step(channels_per_step)
        self.data = data
        self.tolerance = tolerance
        self.num_auxiliary_losses = num_auxiliary_losses
        self.auxiliary_weight = auxiliary_weight
        self.channels_per_step = channels_per_step
        self.samples = samples
        self.stage_steps = stage_steps
        self.learning_rate = learning_rate
        self.batch_size = batch_size
        self.multiple_of = multiple_of
        self.verbose = verbose

    def get_config(self) -> dict:
        """Returns the constructor's arguments as a dict."""
        return {
            "pruning_ratio": self.target_pruning_ratio,
            "data": self.data,
            "macs": self.target_macs,
            "tolerance": self.tolerance,
            "num_auxiliary_losses": self.num_auxiliary_losses,
            "auxiliary_weight": self.auxiliary_weight,
            "channels_per_step": self.channels_per_step,
            "samples": self.samples,
            "stage_steps": self.stage_steps,
            "learning_rate": self.learning_rate,
            "batch_size": self.batch_size,
            "multiple_of": self.multiple_of,
            "scope": self.scope,
            "begin": self.begin,
            "verbose": self.verbose,
        }

    def _attach(self, model, train_step=None):
        self._check(model)
        super()._attach(model, train_step)
        # Errors at the start of a training are better than in the middle of it.
        self._widths()

    def _check(self, model):
        if self.data is None:
            raise ValueError("Channels are chosen on data. Give it as data=(x, y).")
        if not getattr(model, "compiled", False):
            raise ValueError(
                f"Channels are chosen by the loss, and model {model.name!r} has none yet. Call "
                "model.compile first."
            )
        network = student_of(model)
        outputs = tf.nest.flatten(network.outputs) if network.built else []
        if [len(output.shape) for output in outputs] != [2]:
            raise ValueError(
                "Expected a model with one output of shape (batch, classes), which the "
                f"auxiliary losses can imitate. Received outputs: {outputs}"
            )
        if getattr(model.distribute_strategy, "num_replicas_in_sync", 1) > 1:
            raise ValueError(
                "Channels are chosen on one replica. Call apply(model) outside of the "
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
            removed: Dict from groups to int arrays, the channels that are already cut; those that
                are not selected are added to it.
        """
        model, program, widths_ = self._masked_model, self._graph.program, self._widths()
        todo = [g for g in self._groups if g.consumers and not self._is_done(g, removed, widths_)]
        if not todo:
            return
        measured = list(islice(labelled_batches(self.data, self.batch_size), self._num_batches))
        batches = endless_batches(self.data, self.batch_size)
        progress = keras.utils.Progbar(len(todo), verbose=self._verbosity(), unit_name="group")
        for stage in make_stages(program, todo, self.num_auxiliary_losses):
            start = islice(batches, self.stage_steps)
            train_stage(stage, model, program, start, self.learning_rate)
            # A head may read channels cut in an earlier training, and its gradient changes them.
            self._hold()
            selection = Selection(
                model, program, stage, measured, self.auxiliary_weight, self.learning_rate
            )
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

    def _verbosity(self):
        """Returns the verbosity for Keras's progress bar; `"auto"` of `fit` is 1."""
        of_fit = (self.params or {}).get("verbose", 0)
        verbose = of_fit if self.verbose == "auto" else self.verbose
        return 2 if verbose == 2 else int(bool(verbose))

    @property
    def _num_batches(self):
        """Batches for each selection; the batch size is that of `data`."""
        return -(-self.samples // self.batch_size)

    def _is_done(self, group, removed, widths_):
        if self.tolerance is not None:
            return len(removed[group]) > 0
        return group.size - len(removed[group]) <= widths_[group]

    def _widths(self):
        """Returns the number of channels that each group may keep, a dict from groups to ints."""
        if self.tolerance is not None:
            return {group: group.size for group in self._groups}
        scores = [np.where(self._dead(group), -np.inf, 0.0) for group in self._groups]
        amount = self.schedule.final_sparsity

        def removed_at(ratio):
            cuts = widths.uniform_cuts(scores, self._pruning_ratios(self._groups, ratio))
            chosen = widths.remove_lowest(scores, cuts, self.multiple_of)
            return dict(zip(self._groups, chosen, strict=True))

        if self.target_macs is not None:
            channels = sum(group.size for group in self._groups)
            chosen = within_budget(self._graph, removed_at, 1 - amount, channels)
        else:
            chosen = removed_at(amount)
        return {group: group.size - len(gone) for group, gone in chosen.items()}


def _channels_per_step(channels_per_step, size):
    if isinstance(channels_per_step, Integral):
        return int(channels_per_step)
    return max(1, round(channels_per_step * size))


def _check_adaptive(tolerance, pruning_ratio, macs, multiple_of, scope):
    if pruning_ratio is not None or macs is not None or isinstance(scope, Mapping):
        raise ValueError(
            "Give one of tolerance, pruning_ratio, macs, or a mapping as scope: with a tolerance "
            f"the losses say how many channels a group needs. Received: tolerance={tolerance}, "
            f"pruning_ratio={pruning_ratio}, macs={macs}, scope={scope!r}"
        )
    if multiple_of != 1:
        raise ValueError(
            "With a tolerance the losses say how many channels a group needs, and multiple_of "
            f"cannot. Received: tolerance={tolerance}, multiple_of={multiple_of}"
        )


def _check_channels_per_step(value):
    is_int = isinstance(value, Integral) and not isinstance(value, bool)
    is_fraction = isinstance(value, Real) and not isinstance(value, Integral)
    if not (is_int and value >= 1) and not (is_fraction and 0 < value <= 1):
        raise ValueError(
            "Expected channels_per_step to be a fraction of a group (a float in (0, 1]) or a "
            f"number of channels (an int of at least 1). Received: {value!r}"
        )
