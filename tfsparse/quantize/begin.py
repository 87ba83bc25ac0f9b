"""The schedule of callbacks that begin at some step and go on to the end."""

import dataclasses

from tfsparse.prune import schedules


@dataclasses.dataclass(frozen=True)
class Begin(schedules.Schedule):
    """Whether something has begun.

    Args:
        begin: Where it begins: a float is a fraction of the training, an int is a step.
    """

    begin: float

    @property
    def end(self):
        """Where the last update is."""
        return self.begin

    def __call__(self, step):
        """Returns whether it begins at a step, a bool, and whether it has begun."""
        begin = schedules.to_step("begin", self.begin)
        return step == begin, step >= begin

    def in_steps(self, total_steps=None):
        """Returns the same in steps; see `PolynomialDecay.in_steps`."""
        return Begin(schedules.to_step("begin", self.begin, total_steps))
