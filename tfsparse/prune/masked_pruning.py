"""The base class of all methods: masks that follow a schedule during training."""

import functools
import warnings

import tensorflow as tf

from tfsparse.annotations import Model
from tfsparse.keras_models import strategy_of
from tfsparse.prune import schedules
from tfsparse.prune.callback import Callback
from tfsparse.prune.growth import warn_of_growth
from tfsparse.prune.masks import Mask
from tfsparse.prune.moving_averages import MaskedAverages
from tfsparse.prune.step_counter import StepClock
from tfsparse.prune.train_end import call_at_end
from tfsparse.prune.train_step import TrainStep

_FINE = 1_000_000  # assumed steps in an epoch of unknown length, to compute fractions of a training


class MaskedPruning(Callback):
    """A callback with masks that follow a schedule.

    A method implements `_attach`, `_update`, `_prune_one_shot` and `_measure`, and finds the masks
    in `self._masks`. They prune nothing when a training begins.

    Attributes:
        LOGGED: Name under which `fit` logs the amount that is pruned.

    Args:
        scope: What is pruned; see `scope_grammar`.
        schedule: Function from a step to a bool, whether masks change, and the argument of
            `_update`.
    """

    LOGGED = "sparsity"

    def __init__(self, scope, schedule):
        super().__init__()
        self.scope = scope
        self.schedule = schedule
        self._reached = 0.0
        self._forget()

    def apply(self, model: Model) -> float:
        """Prunes a model one-shot, outside of `fit`.

        Args:
            model: Built Keras model. Afterwards it has no masks.

        Returns:
            The amount that is pruned, a float, as `fit` logs it.

        Raises:
            TypeError, ValueError: The class does not support the model, or the scope matches
                nothing.
            RuntimeError: Called inside a `tf.function`.
        """
        self._check_eager()
        try:
            self._attach(model)
            self._prune_one_shot()
            self._hold()
            self._leave()
        finally:
            self._detach()
        return self._reached

    def _attach(self, model, train_step=None):
        """Attaches masks that keep everything.

        Args:
            model: Keras model.
            train_step: `TrainStep` that is to apply the masks; None outside of a training.
        """
        raise NotImplementedError

    @property
    def _to_keep_zeros(self):
        """How to keep the zeros in a later training, or None if they stay without masks."""
        return None

    def _update(self, value):
        """Changes the masks to the schedule's value."""
        raise NotImplementedError

    def _prune_one_shot(self):
        """Changes the masks to those at the end of a training."""
        raise NotImplementedError

    def _measure(self):
        """Returns the amount of zeros in the weights, independent of the masks."""
        raise NotImplementedError

    def _begin(self, step):
        """Sets the first masks, after all state of the training is restored."""
        self._update(self._schedule(step)[1])

    def on_train_begin(self, logs: dict | None = None) -> None:
        """Attaches masks that prune nothing, because other callbacks may still restore weights."""
        self._attach(self.model, TrainStep.of(self.model))
        # A variable in tf_keras, of each replica under a strategy; None before compile.
        execution = getattr(self.model, "steps_per_execution", None)
        steps = 1 if execution is None else int(tf.convert_to_tensor(execution))
        self._clock = StepClock(self.params, steps)
        self._closes_later = call_at_end(self, self._close)

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        """Notes the epoch."""
        self._clock.begin_epoch(epoch)

    def on_train_batch_begin(self, batch: int, logs: dict | None = None) -> None:
        """Sets the masks to the schedule's value before the first batch."""
        if self._clock.elapsed is None:
            self._clock.start(self.model.optimizer, batch)
            self._plan()
            self._keep_up()

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        """Updates the masks by the schedule."""
        self._clock.end_batch(batch)
        self._keep_up()
        self._log(logs)

    def on_test_begin(self, logs: dict | None = None) -> None:
        """Zeroes pruned weights that a callback with averages of weights may have changed."""
        self._hold()

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        """Updates the masks for the last time in an epoch."""
        if not self.model.stop_training and self._clock.elapsed is not None:
            length_was_unknown = self._clock.batches is None
            self._clock.end_epoch()
            if length_was_unknown:
                self._plan()
            self._keep_up(at_end_of_epoch=True)
        self._log(logs)

    def on_train_end(self, logs: dict | None = None) -> None:
        """Removes the masks from the model, now or after the other callbacks."""
        if not self._closes_later:
            self._close()

    def _close(self):
        # Weights of another epoch are not pruned: they were not trained with these masks.
        if not all(mask.holds(mask.weights()) for mask in self._masks):
            logged, self._reached = self._reached, self._measure()
            if self._reached < logged - 1e-6:
                warnings.warn(
                    f"The model has a {self.LOGGED} of {self._reached:.3f}, not the {logged:.3f} "
                    "that fit logged last: a callback has put other weights into it, as "
                    "EarlyStopping(restore_best_weights=True) does with those of an earlier epoch. "
                    "They are left as they are. Let that callback begin when the last weights are "
                    "pruned (EarlyStopping has start_from_epoch), or prune in another fit.",
                    stacklevel=2,
                )
        self._leave()

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
        """Updates the masks to the current step."""
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
        """Updates the masks to the schedule's value at a step."""
        if self._seen is None or step < self._seen:
            self._begin(step)
        else:
            updates = [self._schedule(s) for s in range(self._seen + 1, step + 1)]
            due = [value for should_update, value in updates if should_update]
            if due:
                self._update(due[-1])
        # The steps up to the latter were asked for updates.
        self._seen = self._looked_at = step

    def _check_eager(self):
        if not tf.executing_eagerly():
            raise RuntimeError(
                f"{type(self).__name__}.apply was called inside a tf.function, where it would run "
                "only once. Call it before each call of that function."
            )

    def _attach_masks(self, model, train_step, variables, kind="weights", moved=None):
        """Attaches masks that prune nothing.

        Args:
            model: Keras model.
            train_step: See `_attach`.
            variables: List of different variables, one for each mask.
            kind: String, see `Mask`.
            moved: The variables whose pruned weights a train step would change, by default all.
                Only these are masked in each step, to save time.
        """
        strategy = strategy_of(model)
        self._masked_model, self._train_step = model, train_step
        self._reached = 0.0
        self._masks = self._attach_parts(
            "mask", variables, lambda variable: Mask(variable, strategy, kind), kind
        )
        moved = set(map(id, variables if moved is None else moved))
        in_step = [mask for mask in self._masks if id(mask.variable) in moved]
        for mask in self._masks:
            mask.reset()
        for mask in in_step:
            mask.attach()
        self._averages = MaskedAverages(getattr(model, "optimizer", None), self._masks, in_step)
        self._averages.attach()

    def _attach_parts(self, name, variables, make, *details):
        """Returns `make(variable)` for each variable, or the part of a compiled train step.

        Args:
            name: String, identifies the purpose of the parts, together with `details`.
            variables: List of different variables.
            make: Function of a variable; see `TrainStep.attach`.
        """
        if self._train_step is None:
            return [make(variable) for variable in variables]
        makers = {(name, *details, id(v)): functools.partial(make, v) for v in variables}
        parts = self._train_step.attach(makers)
        self._parts += parts
        return parts

    def _leave(self):
        """Removes the masks; the zeros stay."""
        if self._to_keep_zeros:
            warn_of_growth(self._masked_model, self._masks, self._to_keep_zeros)
        self._detach()

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
        self._masks, self._parts = [], []
        self._averages = MaskedAverages(None, [], [])

    def _hold(self):
        for mask in self._masks:
            mask.apply()
        self._averages.apply()

    def _log(self, logs):
        if logs is not None:
            logs[self.LOGGED] = self._reached
