"""A model that is compiled once and trained many times, each time with other settings."""

import keras
import numpy as np
import tensorflow as tf

from tfsparse.distill import Distiller, LogitsDistillation
from tfsparse.graph.compiling import compile_again, renew_optimizer
from tfsparse.keras_models import all_optimizers, strategy_of
from tfsparse.prune.variables import read, write

WARM_UP = 0.05  # of all steps
TEMPERATURE = 4.0  # PocketFlow's


class CompiledModel:
    """A model, its learning rate and its weight of distillation, set anew for each training.

    Args:
        model: Compiled Keras 3 model, whose loss and metrics are used.
        teacher: The dense model to imitate, or None.
        optimizer: The optimizer that the one of the trainings is like.
    """

    def __init__(self, model, teacher, optimizer):
        self._model, self._like = model, optimizer
        self._trained = model if teacher is None else distiller(teacher, model, 0.5)
        self._rates, self._optimizer = [], None

    def begin(self, learning_rate, steps, distillation):
        """Sets all for a training from the model's present weights, as if it was compiled now.

        Args:
            learning_rate: Float, the highest, as a factor of that of the optimizer.
            steps: Int, of the whole training.
            distillation: Float in [0, 1), the weight of the teacher's outputs.

        Returns:
            The Keras model to call `fit` of.
        """
        if self._optimizer is None or self._trained.optimizer is not self._optimizer:
            compile_again(self._trained, self._new_optimizer(), self._model)
            self._optimizer = self._trained.optimizer  # for the first time, or after others did
        # An optimizer may begin with copies of the weights.
        start = self._new_optimizer()
        for variable, value in zip(self._optimizer.variables, start.variables, strict=True):
            write(variable, read(value))
        for rate in self._rates:
            rate.set(learning_rate, steps)
        if self._trained is not self._model:
            self._trained.student_loss_weight = 1 - distillation
        return self._trained

    def _new_optimizer(self):
        """Returns an optimizer for the model's present weights, with the variable rates."""
        optimizer = renew_optimizer(self._like, self._model)
        inner = _innermost(optimizer)
        if not self._rates:
            like = _innermost(self._like)
            if len(like) < len(inner):
                like = inner  # It makes those that it holds when it is built, and is not yet.
            with strategy_of(self._model).scope():
                self._rates = [DecayingRate(highest_rate(each)) for each in like]
        for each, rate in zip(inner, self._rates, strict=True):
            each.learning_rate = rate.schedule
        return optimizer


class DecayingRate:
    """A learning rate that warms up and falls to zero, as the schedule of an optimizer.

    Args:
        highest: Float.

    Attributes:
        schedule: Keras's schedule. Its numbers are variables, so that a compiled step reads them.
    """

    def __init__(self, highest):
        self._highest = highest
        self._target, self._warm_up, self._decay = (tf.Variable(1.0) for _ in range(3))
        self.schedule = keras.optimizers.schedules.CosineDecay(
            0.0, self._decay, warmup_target=self._target, warmup_steps=self._warm_up
        )

    def set(self, factor, steps):
        """Prepares for a training of so many steps; the highest rate is multiplied by a factor."""
        warm_up = max(1, round(WARM_UP * steps))
        self._target.assign(factor * self._highest)
        self._warm_up.assign(warm_up)
        self._decay.assign(max(1, steps - warm_up))


def distiller(teacher, student, weight):
    """A `Distiller` of a dense and a pruned model.

    Args:
        teacher, student: Keras 3 models with the same outputs.
        weight: Float in [0, 1], that of the teacher's outputs beside the labels.

    Raises:
        ValueError: The outputs are not those of a classifier.
    """
    imitation = LogitsDistillation(temperature=TEMPERATURE)
    return Distiller(teacher, student, imitation, student_loss_weight=1 - weight)


def highest_rate(optimizer):
    """The learning rate of an optimizer; of a schedule the highest so far, or of 10,000 steps."""
    schedule = getattr(optimizer, "_learning_rate", None)
    if not callable(schedule):
        return float(read(optimizer.learning_rate))
    last = int(read(optimizer.iterations)) or 10_000
    return max(float(schedule(int(step))) for step in np.linspace(0, last, 101))


def _innermost(optimizer):
    """The optimizers that an optimizer holds, such as that in one that scales losses, or itself."""
    return [each for each in all_optimizers(optimizer) if len(all_optimizers(each)) == 1]
