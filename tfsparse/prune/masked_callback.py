"""What the callbacks share that keep some weights as they are after each step."""

from tfsparse.prune.moving_averages import MaskedAverages
from tfsparse.prune.scheduled_callback import ScheduledCallback


class MaskedCallback(ScheduledCallback):
    """A callback that holds masks: objects with the methods of `masks.Mask`.

    A method fills `self._masks`, attaches them, and puts what it attached to `self._train_step`
    into `self._parts`. If it changes or reads gradients, what does so is `self._hooks`, which has a
    method `detach`.
    """

    def on_test_begin(self, logs: dict | None = None) -> None:
        """Masks what a callback with averages of weights may have put into the model."""
        self._hold()

    def _hold(self):
        for mask in self._masks:
            mask.apply()
        self._averages.apply()

    def _detach(self):
        if self._hooks is not None:
            self._hooks.detach()
        for mask in self._masks:
            mask.detach()
        self._averages.detach()
        if self._train_step is not None:
            self._train_step.detach(self._parts)
        self._forget()

    def _forget(self):
        super()._forget()
        self._train_step = self._hooks = None
        self._masks, self._parts = [], []
        self._averages = MaskedAverages(None, [], [])
