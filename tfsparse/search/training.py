"""Prunes and fine-tunes a model with given sparsities."""

import dataclasses
import glob
import math

import keras
import numpy as np
import tensorflow as tf

from tfsparse.distill import Distiller, LogitsDistillation
from tfsparse.graph.rebuilding import compile_arguments, renew
from tfsparse.prune.batches import slices
from tfsparse.prune.evaluation import arguments_of, evaluate
from tfsparse.prune.schedules import PolynomialDecay
from tfsparse.prune.weights.gradual import GradualPruning

WARM_UP = 0.05  # of all steps
SAMPLE = 1024  # examples on which the sensitivity of each layer is measured
TEMPERATURE = 4.0  # PocketFlow's


@dataclasses.dataclass(frozen=True)
class Settings:
    """How to fine-tune.

    Attributes:
        learning_rate: Float, the highest, as a factor of that of the compiled optimizer.
        end: Float in (0, 1], the fraction of the training after which all zeros are there.
        distillation: Float in [0, 1), the weight of the dense model's outputs beside the labels.
    """

    learning_rate: float = 0.3
    end: float = 0.6
    distillation: float = 0.5


@dataclasses.dataclass(frozen=True)
class Data:
    """What a model is trained with.

    Attributes:
        train: `(x, y)`, `(x, y, sample_weight)`, or batches of these of a known number.
        validation: The same for evaluation.
        batch_size: Int, of arrays.
    """

    train: object
    validation: object
    batch_size: int = 128

    @property
    def steps(self):
        """Steps of an epoch."""
        if isinstance(self.train, tuple):
            return math.ceil(len(tf.nest.flatten(self.train)[0]) / self.batch_size)
        try:
            return len(self.train)
        except TypeError as error:
            raise ValueError(
                "Expected train_data whose number of batches is known: arrays, or a Dataset with "
                f"tf.data.experimental.assert_cardinality(...). Received one without: {error}"
            ) from error

    @property
    def sample(self):
        """Some of the validation data, enough to tell sensitive layers from others."""
        if isinstance(self.validation, tuple):
            return next(slices(self.validation, SAMPLE))
        if hasattr(self.validation, "take"):
            return self.validation.take(math.ceil(SAMPLE / self.batch_size))
        return self.validation

    def fit(self, model, epochs, callbacks):
        """Trains a model."""
        data = arguments_of(self.train, self.batch_size)
        model.fit(**data, epochs=epochs, callbacks=callbacks, verbose=0)

    def evaluate(self, model):
        """Evaluates a model; returns a dictionary of its loss and metrics."""
        return evaluate(model, self.validation, self.batch_size)


def fine_tune(
    model,
    data,
    sparsities,
    *,
    block_size,
    settings,
    epochs,
    optimizer,
    teacher=None,
    callbacks=(),
):
    """Prunes a trained model gradually, and trains on with the zeros.

    Args:
        model: Compiled Keras 3 model.
        data: `Data`.
        sparsities: Dictionary from names of layers to sparsities; those of 0 stay dense.
        block_size: Pair of ints.
        settings: `Settings`.
        epochs: Int.
        optimizer: The optimizer that the one of this training is like.
        teacher: The dense model, whose outputs it learns to imitate; or None.
        callbacks: List of further callbacks.
    """
    trained = model
    if teacher is not None and settings.distillation:
        trained = distiller(teacher, model, settings.distillation)
    rate = decaying_rate(settings.learning_rate * highest_rate(optimizer), epochs * data.steps)
    arguments = compile_arguments(model) | {"optimizer": renew(optimizer, {"learning_rate": rate})}
    trained.compile(**arguments)
    pruned = {glob.escape(name): sparsity for name, sparsity in sparsities.items() if sparsity}
    if pruned:
        schedule = PolynomialDecay(max(pruned.values()), end=settings.end)
        pruning = GradualPruning(schedule=schedule, scope=pruned, block_size=block_size)
        callbacks = [pruning, *callbacks]
    data.fit(trained, epochs, list(callbacks))


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


def decaying_rate(highest, steps):
    """A learning rate that warms up and falls to zero.

    Args:
        highest: Float.
        steps: Int, of the whole training.
    """
    warm_up = max(1, round(WARM_UP * steps))
    return keras.optimizers.schedules.CosineDecay(
        0.0, max(1, steps - warm_up), warmup_target=highest, warmup_steps=warm_up
    )


def highest_rate(optimizer):
    """The learning rate of an optimizer; of a schedule the highest so far, or of 10,000 steps."""
    schedule = getattr(optimizer, "_learning_rate", None)
    if not callable(schedule):
        return float(optimizer.learning_rate)
    last = int(optimizer.iterations) or 10_000
    return max(float(schedule(int(step))) for step in np.linspace(0, last, 101))
