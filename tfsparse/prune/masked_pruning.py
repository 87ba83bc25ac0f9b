"""What the methods share that hold masks while a model trains."""

import functools
import warnings

import numpy as np
import tensorflow as tf

from tfsparse.keras_models import strategy_of
from tfsparse.prune import schedules
from tfsparse.prune.callback import Callback
from tfsparse.prune.magnitude import spread_blocks
from tfsparse.prune.masks import Mask
from tfsparse.prune.moving_averages import MaskedAverages
from tfsparse.prune.scope import select
from tfsparse.prune.step_counter import StepClock
from tfsparse.prune.train_end import call_at_end
from tfsparse.prune.train_step import TrainStep

_FINE = 1_000_000  # steps in an epoch of unknown length, to tell a fraction of a training


class MaskedPruning(Callback):
    """A callback that holds one mask a layer and changes them when a schedule says so.

    A method implements `_update` and finds the masks in `self._masks`, in the order of
    `self._targets`. They keep everything when a training begins.

    Args:
        scope: Which layers, as `select` takes it.
        schedule: Called with a step it returns a bool, whether masks change, and what `_update`
            is to be called with.
    """

    def __init__(self, scope, schedule):
        self.scope = scope
        self.schedule = schedule
        self._sparsity = 0.0
        self._forget()

    @property
    def sparsity(self):
        """The fraction of zeros that the masks hold in all layers of the scope, a float."""
        return self._sparsity

    def _update(self, value):
        """Changes the masks to what the schedule's value asks for."""
        raise NotImplementedError

    def _prepare(self, model):
        """Derives what the method needs of its targets, or refuses them, before masks attach."""

    def _begin(self, step):
        """Sets the first masks, when all state of the training is restored."""
        self._update(self._schedule(step)[1])

    def on_train_begin(self, logs=None):
        """Attaches masks that prune nothing yet: other callbacks may still restore weights."""
        self._attach(self.model, TrainStep.of(self.model))
        # A variable in tf_keras, of each replica under a strategy; None before compile.
        execution = getattr(self.model, "steps_per_execution", None)
        steps = 1 if execution is None else int(tf.convert_to_tensor(execution))
        self._clock = StepClock(self.params, steps)
        self._closes_later = call_at_end(self, self._close)

    def on_epoch_begin(self, epoch, logs=None):
        """Notes the epoch."""
        self._clock.begin_epoch(epoch)

    def on_train_batch_begin(self, batch, logs=None):
        """Sets the masks to where the schedule is, before the first batch."""
        if self._clock.elapsed is None:
            self._clock.start(self.model.optimizer, batch)
            self._plan()
            self._keep_up()

    def on_train_batch_end(self, batch, logs=None):
        """Updates the masks if the schedule says so."""
        self._clock.end_batch(batch)
        self._keep_up()
        self._log(logs)

    def on_test_begin(self, logs=None):
        """Zeroes what a callback that averages weights may have brought back."""
        self._hold()

    def on_epoch_end(self, epoch, logs=None):
        """Updates the masks for the last time in an epoch."""
        if not self.model.stop_training and self._clock.elapsed is not None:
            length_was_unknown = self._clock.batches is None
            self._clock.end_epoch()
            if length_was_unknown:
                self._plan()
            self._keep_up(at_end_of_epoch=True)
        self._log(logs)

    def on_train_end(self, logs=None):
        """Makes the model a plain one again, now or when other callbacks have ended."""
        if not self._closes_later:
            self._close()

    def _close(self):
        # Other weights are not cut: they were not trained with these masks.
        if not all(mask.holds(mask.weights()) for mask in self._masks):
            logged, self._sparsity = self._sparsity, self._measure()
            if self._sparsity < logged - 1e-6:
                warnings.warn(
                    f"The model has a sparsity of {self._sparsity:.3f}, not the {logged:.3f} that "
                    "fit logged last: a callback has put other weights into it, as "
                    "EarlyStopping(restore_best_weights=True) does with those of an earlier epoch. "
                    "They are left as they are. Let that callback begin when the last weights are "
                    "pruned (EarlyStopping has start_from_epoch), or prune in another fit.",
                    stacklevel=2,
                )
        self._detach()

    def _measure(self):
        """Returns the sparsity that the model has, whatever the masks are."""
        weights = [mask.weights() for mask in self._masks]
        return 1 - sum(map(np.count_nonzero, weights)) / sum(w.size for w in weights)

    def _plan(self):
        """Sets the schedule in steps, as far as the length of the training is known."""
        clock = self._clock
        self._seen = None
        if not schedules.needs_total(self.schedule):
            self._schedule = schedules.in_steps(self.schedule)
            self._warn_if_too_short()
        elif clock.total_steps is not None:
            self._schedule = schedules.in_steps(self.schedule, clock.total_steps)
        elif clock.epochs and clock.epochs - clock.epoch > 1:
            # Until the first epoch has shown its length, only where it begins is known.
            schedule = schedules.in_steps(self.schedule, clock.epochs * _FINE)
            value = schedule(clock.epoch * _FINE)[1]
            self._schedule = lambda step: (False, value)
        else:
            raise ValueError(
                f"The positions of {self.schedule} are fractions of the training, and its length "
                "is not known: the data does not say how many batches it has, and there is no "
                "second epoch. Pass steps_per_epoch to fit, or give positions as steps (ints)."
            )

    def _warn_if_too_short(self):
        end, last = self._schedule.end, self._clock.last_iteration
        if end is not None and last is not None and end > last:
            warnings.warn(
                f"The pruning schedule ends at step {end}, after the last step of this fit. Its "
                "end is only reached if training goes on; positions given as fractions (floats) "
                "always end with the training.",
                stacklevel=2,
            )

    def _keep_up(self, at_end_of_epoch=False):
        """Brings the masks to where the schedule is now."""
        clock = self._clock
        if schedules.needs_total(self.schedule):
            self._advance(clock.training_step)
        elif self._seen is None or at_end_of_epoch:
            self._advance(clock.iterations(at_end_of_epoch))
        else:
            latest = clock.latest_iterations()
            ahead = range(self._looked_at + 1, latest + 1)
            self._looked_at = latest
            if any(self._schedule(step)[0] for step in ahead):
                self._advance(clock.iterations())

    def _advance(self, step):
        """Brings the masks to where the schedule is at a step."""
        if self._seen is None or step < self._seen:
            self._begin(step)
        else:
            updates = [self._schedule(s) for s in range(self._seen + 1, step + 1)]
            due = [value for should_update, value in updates if should_update]
            if due:
                self._update(due[-1])
        # The steps up to the latter were asked for updates.
        self._seen = self._looked_at = step

    def _weights(self):
        """Returns the values of every masked variable, warning where a mask was not held."""
        weights = [mask.weights() for mask in self._masks]
        if not all(mask.holds(w) for mask, w in zip(self._masks, weights, strict=True)):
            warnings.warn(
                "Weights that were pruned are no longer zero. Either something other than an "
                "optimizer wrote to them, or the train step was compiled (by tf.function) before "
                "pruning began and knows of no masks: call apply(model, step) before its first "
                "call.",
                stacklevel=2,
            )
        return weights

    def _keep(self, keeps, weights, block_size=1):
        """Replaces the masks, by one bool array of blocks a layer, and zeroes what they prune.

        Args:
            keeps: List of bool arrays, True where a block is kept.
            weights: What `_weights` returned.
            block_size: Int, output channels in a block.
        """
        for mask, keep, values in zip(self._masks, keeps, weights, strict=True):
            mask.assign(spread_blocks(keep, values.shape[-1], block_size), values)
        self._averages.apply()
        total = sum(mask.size for mask in self._masks)
        self._sparsity = sum(mask.sparsity * mask.size for mask in self._masks) / total

    def _check_eager(self):
        if not tf.executing_eagerly():
            raise RuntimeError(
                f"{type(self).__name__}.apply was called inside a tf.function, where it would run "
                "only once. Call it before each call of that function."
            )

    def _prune_at_once(self, model, prune):
        """Calls `prune` with masks attached, and leaves a plain model, after an exception too."""
        self._check_eager()
        try:
            self._attach(model)
            prune()
            self._hold()
        finally:
            self._detach()
        return self._sparsity

    def _attach(self, model, train_step=None):
        """Attaches masks that keep everything.

        Args:
            model: Keras model.
            train_step: `TrainStep` that is to know of the masks; None if nothing trains.
        """
        targets = select(model, self.scope)
        self._detach()
        self._targets = targets
        self._prepare(model)
        self._attach_masks(model, train_step, [target.kernel for target in targets])

    def _attach_masks(self, model, train_step, variables, kind="weights"):
        """Attaches a mask to each variable, all of them different."""
        strategy = strategy_of(model)
        self._masked_model, self._train_step = model, train_step
        self._masks = self._attach_parts(
            "mask", variables, lambda variable: Mask(variable, strategy, kind), kind
        )
        for mask in self._masks:
            mask.attach()
        self._averages = MaskedAverages(getattr(model, "optimizer", None), self._masks)
        self._averages.attach()

    def _attach_parts(self, name, variables, make, *details):
        """Returns `make(variable)` for each variable, or what a compiled train step knows already.

        Args:
            name: String, what the parts do, together with `details`.
            variables: List of different variables.
            make: Function of a variable; see `TrainStep.attach`.
        """
        if self._train_step is None:
            return [make(variable) for variable in variables]
        makers = {(name, *details, id(v)): functools.partial(make, v) for v in variables}
        parts = self._train_step.attach(makers)
        self._parts += parts
        return parts

    def _detach(self):
        for mask in self._masks:
            mask.detach()
        self._averages.detach()
        if self._train_step is not None:
            self._train_step.detach(self._parts)
        self._forget()

    def _forget(self):
        self._masked_model = self._train_step = self._schedule = None
        self._seen = self._looked_at = None
        self._targets, self._masks, self._parts = [], [], []
        self._averages = MaskedAverages(None, [])

    def _hold(self):
        for mask in self._masks:
            mask.apply()
        self._averages.apply()

    def _log(self, logs):
        if logs is not None:
            logs["sparsity"] = self._sparsity
