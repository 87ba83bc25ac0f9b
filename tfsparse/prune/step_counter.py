"""The current step of a training."""

import math

from tfsparse.keras_models import all_optimizers


class StepClock:
    """Counts the steps of one `fit`, from the calls of a callback's hooks and from the optimizer.

    There are two counts. `iterations` is the optimizer's, which goes on from one fit to
    the next. `training_step` begins with epoch 0 of the fit, to compute fractions of it.
    Both count updates: with gradient accumulation, several batches are one update.

    Attributes:
        epochs: Int, the epoch at which the training ends, or None.
        epoch: Int, the current epoch.
        batches: Int, batches in an epoch, or None if unknown before the end of the first epoch.
        elapsed: Int, batches that this fit has trained with, or None before the first.

    Args:
        params: Dict that Keras passes to `set_params`, or None.
        steps_per_execution: Int, of the compiled model.
    """

    def __init__(self, params, steps_per_execution=1):
        params = params or {}
        self._execution = steps_per_execution
        self.epochs = params.get("epochs")
        self.batches = params.get("steps")
        self.epoch = 0
        self.elapsed = None
        self._batch = 0  # batches done in this epoch

    @property
    def training_step(self):
        """Updates since epoch 0 began, or would have begun, an int."""
        return (self.epoch * (self.batches or 0) + self._batch) // self._per_update

    @property
    def total_steps(self):
        """Updates in all epochs, those before `initial_epoch` included, an int, None if unknown."""
        if not self.epochs or not self.batches:
            return None
        return self.epochs * self.batches // self._per_update

    @property
    def last_iteration(self):
        """`optimizer.iterations` at the end of the training, an int, or None if unknown."""
        if self.total_steps is None:
            return None
        left = (self.epochs - self.epoch) * self.batches - self._batch
        left += self.elapsed - self._known_at
        return self._known + math.ceil(left / self._per_update)

    def start(self, optimizer, batch):
        """Starts the count before the first batch, after all state is restored."""
        self._optimizers = all_optimizers(optimizer)
        accumulation = [getattr(x, "gradient_accumulation_steps", None) for x in self._optimizers]
        self._per_update = next(filter(None, accumulation), 1)
        self._start = self._known = self._count() or 0
        self._known_at = self.elapsed = 0
        self._most = None  # the most iterations of one batch
        self._counts_batches = False
        # Keras 3.1 passes the last batch of an execution if the length of an epoch is unknown.
        self._batch = batch - batch % self._execution

    def begin_epoch(self, epoch):
        """Begins an epoch."""
        self.epoch = epoch
        self._batch = 0

    def end_batch(self, batch):
        """Counts an execution that ended with a batch."""
        if self.batches and batch % self._execution == 0:
            batch += self._execution - 1  # Keras 3.1 passes the first batch of an execution.
        # The last execution of an epoch may have run fewer than steps_per_execution.
        self._move_to(min(batch + 1, self.batches or batch + 1))

    def end_epoch(self):
        """Stores the length of an epoch; the last one ends the count."""
        if not self.batches:
            self.batches = self._batch
        # Keras 3.1 calls no hook for an execution that the end of the data cuts short. If epochs
        # differ in length, the last one still ends the training.
        if self.batches - self._batch < self._execution or self.epoch + 1 == self.epochs:
            self._move_to(self.batches)

    def latest_iterations(self):
        """Returns an upper bound of `optimizer.iterations`, an int.

        Reading the variable after each step would wait for the device. Instead, the first step
        gives the iterations of a batch, from which later ones are counted.
        """
        if self._most is None:
            return self.iterations()
        return self._known + self._most * (self.elapsed - self._known_at)

    def iterations(self, at_end_of_epoch=False):
        """Returns `optimizer.iterations`, an int.

        A train step may use another optimizer than the model's, or none. If the model's has made no
        iteration by the end of an epoch, batches are counted.
        """
        count, passed = self._count(), self.elapsed - self._known_at
        if at_end_of_epoch and self.elapsed >= self._per_update:
            self._counts_batches = count == self._start
        if count is None or (self._counts_batches and count == self._start):
            count = self._start + self.elapsed
        if passed:
            self._most = max(self._most or 1, math.ceil((count - self._known) / passed))
        self._known, self._known_at = count, self.elapsed
        return count

    def _move_to(self, batch):
        self.elapsed += batch - self._batch
        self._batch = batch

    def _count(self):
        """Returns the iterations of the outermost optimizer that counts, None if there is none."""
        counts = [x.iterations for x in self._optimizers if hasattr(x, "iterations")]
        counts = [int(count.numpy()) for count in counts]
        return next(filter(None, counts), 0) if counts else None
