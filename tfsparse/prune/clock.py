"""Where a training stands, counted in optimizer updates."""


class StepClock:
    """Counts the steps of one `fit` from what it tells its callbacks.

    The count starts at `optimizer.iterations`, so it goes on after a resume, and costs no read of
    that variable, which would wait for the device, in any later step.

    Attributes:
        step: Int, updates done, or None before the first batch.
        epochs: Int, the epoch at which the training ends, or None.
        epoch: Int, the epoch that runs.
        batches: Int, batches an epoch, or None where the first epoch has yet to show it.

    Args:
        params: Dict that Keras gives to `set_params`, or None.
        steps_per_execution: Int, of the compiled model.
    """

    def __init__(self, params, steps_per_execution=1):
        params = params or {}
        self._execution = steps_per_execution
        self.epochs = params.get("epochs")
        self.batches = params.get("steps")
        self.step = None
        self.epoch = 0
        self._epoch_step = None

    @property
    def total_steps(self):
        """Steps in the whole training, epochs before `initial_epoch` included; None if unknown."""
        return self.epochs * self.batches if self.epochs and self.batches else None

    @property
    def first_step(self):
        """The step at which epoch 0 began, or would have begun."""
        return self._epoch_step - self.epoch * (self.batches or 0)

    def start(self, optimizer, batch):
        """Starts the count before the first batch, when all state is restored."""
        iterations = getattr(optimizer, "iterations", None)
        self.step = 0 if iterations is None else int(iterations.numpy())
        # Keras 3.1 names the last batch of an execution where the length of an epoch is unknown.
        self._epoch_step = self.step - batch + batch % self._execution

    def begin_epoch(self, epoch):
        """Notes that an epoch begins."""
        self.epoch = epoch
        self._epoch_step = self.step

    def end_batch(self, batch):
        """Counts an execution that ended with a batch."""
        if self.batches and batch % self._execution == 0:
            batch += self._execution - 1  # Keras 3.1 names the first batch of an execution.
        self.step = self._epoch_step + batch + 1
        if self.batches:
            # The last execution of an epoch may have run fewer than steps_per_execution.
            self.step = min(self.step, self._epoch_step + self.batches)

    def end_epoch(self):
        """Learns the length of an epoch, and lets the last one end the count."""
        if not self.batches:
            self.batches = self.step - self._epoch_step
        # Keras 3.1 tells nothing of an execution that the end of the data cuts short.
        end = self._epoch_step + self.batches
        if end - self.step < self._execution:
            self.step = end
        if self.epoch + 1 == self.epochs:
            # Where epochs differ in length, the count is not exact.
            self.step = self.first_step + self.total_steps
