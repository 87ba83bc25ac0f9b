"""What the callbacks share that change what they do at certain steps of a training."""

import tensorflow as tf

from tfsparse.prune import schedules
from tfsparse.prune.callback import Callback
from tfsparse.prune.step_counter import StepClock
from tfsparse.prune.train_end import call_at_end
from tfsparse.user_warnings import warn

_FINE = 1_000_000  # steps in an epoch of unknown length, to tell a fraction of a training


class ScheduledCallback(Callback):
    """A callback that follows a schedule through a `fit`.

    A method implements `_update`, and `_close` for the end of the training.

    Args:
        schedule: Called with a step it returns a bool, whether there is an update, and what
            `_update` is to be called with.
    """

    def __init__(self, schedule):
        super().__init__()
        self.schedule = schedule
        self._forget()

    def _update(self, value):
        """Does what the schedule's value asks for."""
        raise NotImplementedError

    def _close(self):
        """Makes the model a plain one again, after the `on_train_end` of all callbacks."""
        raise NotImplementedError

    def _begin(self, step):
        """Makes the first update, when all state of the training is restored."""
        self._update(self._schedule(step)[1])

    def on_train_begin(self, logs: dict | None = None) -> None:
        """Starts to follow the training."""
        # A variable in tf_keras, of each replica under a strategy; None before compile.
        execution = getattr(self.model, "steps_per_execution", None)
        steps = 1 if execution is None else int(tf.convert_to_tensor(execution))
        self._clock = StepClock(self.params, steps)
        self._closes_later = call_at_end(self, self._close)

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        """Notes the epoch."""
        self._clock.begin_epoch(epoch)

    def on_train_batch_begin(self, batch: int, logs: dict | None = None) -> None:
        """Makes the update that is due before the first batch."""
        if self._clock.elapsed is None:
            self._clock.start(self.model.optimizer, batch)
            self._plan()
            self._keep_up()

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        """Makes an update if the schedule says so."""
        self._clock.end_batch(batch)
        self._keep_up()

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        """Makes the last updates of an epoch."""
        if not self.model.stop_training and self._clock.elapsed is not None:
            length_was_unknown = self._clock.batches is None
            self._clock.end_epoch()
            if length_was_unknown:
                self._plan()
            self._keep_up(at_end_of_epoch=True)

    def on_train_end(self, logs: dict | None = None) -> None:
        """Makes the model a plain one again, now or when other callbacks have ended."""
        if not self._closes_later:
            self._close()

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
            warn(
                f"The schedule ends at step {end}, after the last step of this fit. Its end is "
                "only reached if training goes on; positions given as fractions (floats) always "
                "end with the training.",
            )

    def _keep_up(self, at_end_of_epoch=False):
        """Makes the updates that are due now."""
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
        """Makes the last of the updates that are due up to a step."""
        if self._seen is None or step < self._seen:
            self._begin(step)
        else:
            updates = [self._schedule(s) for s in range(self._seen + 1, step + 1)]
            due = [value for should_update, value in updates if should_update]
            if due:
                self._update(due[-1])
        # The steps up to the latter were asked for updates.
        self._seen = self._looked_at = step

    def _forget(self):
        self._schedule = self._seen = self._looked_at = None
