"""Schedules of methods whose sparsity does not depend on the step."""

import dataclasses
import math
from typing import ClassVar

from tfsparse.prune.schedules import (
    Schedule,
    check_frequency,
    check_order,
    check_position,
    default_frequency,
    to_step,
)


@dataclasses.dataclass(frozen=True)
class CosineDecay(Schedule):
    """A fraction that falls to 0 along half a cosine, and the steps of its updates.

    At a step before `end` it is `initial / 2 * (1 + cos(pi * step / end))`.

    Args:
        initial: Float, the fraction at step 0.
        end: Where the fraction is 0 and updates end: a float in [0, 1] is a fraction of the
            training, an int is a step.
        frequency: Int, steps between two updates. By default 100, or fewer so that there are 5
            updates before `end`.

    Raises:
        ValueError: An argument is out of its range.
        TypeError: An argument is not a number.
    """

    initial: float
    end: float = 0.75
    frequency: int | None = None

    begin: ClassVar[int] = 0

    def __post_init__(self):
        check_position("end", self.end)
        check_frequency(self.frequency)

    def __call__(self, step):
        """Returns whether there is an update at a step, a bool, and the fraction there."""
        end = to_step("end", self.end)
        if step >= end:
            return False, 0.0
        frequency = self.frequency or default_frequency(end)
        fraction = self.initial / 2 * (1 + math.cos(math.pi * step / end))
        return step > 0 and step % frequency == 0, fraction

    def in_steps(self, total_steps=None):
        """Returns the same schedule with its end as a step; see `PolynomialDecay.in_steps`."""
        return dataclasses.replace(self, end=to_step("end", self.end, total_steps))


@dataclasses.dataclass(frozen=True)
class Progress(Schedule):
    """The progress of a phase of the training, a fraction, and the steps of its updates.

    Args:
        begin: Where the phase begins: a float in [0, 1] is a fraction of the training, an int is a
            step.
        end: Where it ends, given as `begin` is.
        frequency: Int, steps between two updates. By default 100, or fewer so that there are 5
            updates. There is also one at `begin` and one at `end`.

    Raises:
        ValueError: An argument is out of its range, or `begin` lies after `end`.
        TypeError: An argument is not a number, or one position is a fraction and one a step.
    """

    begin: float
    end: float
    frequency: int | None = None

    def __post_init__(self):
        check_position("begin", self.begin)
        check_position("end", self.end)
        check_order(self.begin, self.end)
        check_frequency(self.frequency)

    def __call__(self, step):
        """Returns whether there is an update at a step, and the progress: None before `begin`."""
        begin, end = to_step("begin", self.begin), to_step("end", self.end)
        if step < begin:
            return False, None
        if step >= end:
            return step == end, 1.0
        frequency = self.frequency or default_frequency(end - begin)
        return (step - begin) % frequency == 0, (step - begin) / (end - begin)

    def in_steps(self, total_steps=None):
        """Returns the same schedule with its positions as steps; see `PolynomialDecay.in_steps`."""
        return dataclasses.replace(
            self,
            begin=to_step("begin", self.begin, total_steps),
            end=to_step("end", self.end, total_steps),
        )
