"""Prunes and fine-tunes a model with given sparsities."""

import dataclasses
import itertools
import math

import keras
import tensorflow as tf

from tfsparse.prune.batches import slices, stored
from tfsparse.prune.evaluation import arguments_of, evaluate
from tfsparse.quantize.quantization_aware_training import QuantizationAwareTraining
from tfsparse.quantize.value_ranges import ValueRanges
from tfsparse.search.compiled_model import CompiledModel
from tfsparse.search.methods import METHODS

# Examples on which the sensitivity of each layer is measured, by one evaluation for each layer and
# sparsity. Layers are compared by the square roots of losses. Those differ from the ones of 2,048
# examples by 3 to 5 % of the largest (ResNet-20).
SAMPLE = 256
CALIBRATION_EXAMPLES = 100  # that int8 files get their ranges from before any training
# Of the ranges of int8: a short training needs an average over fewer batches.
LEAST_MOMENTUM, MOST_MOMENTUM, AVERAGES = 0.5, 0.99, 10


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

    @property
    def rounding(self):
        """The fraction of the training after which weights are rounded: half of what is left."""
        return (1 + self.end) / 2


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

    @property
    def examples(self):
        """Inputs of some of the training data, a list of batches, for calibration."""
        if isinstance(self.train, tuple):
            return [tf.nest.map_structure(lambda x: x[:CALIBRATION_EXAMPLES], self.train[0])]
        batches = math.ceil(CALIBRATION_EXAMPLES / self.batch_size)
        return [batch[0] for batch in itertools.islice(stored(self.train), batches)]

    def fit(self, model, epochs, callbacks):
        """Trains a model."""
        data = arguments_of(self.train, self.batch_size)
        model.fit(**data, epochs=epochs, callbacks=callbacks, verbose=0)

    def evaluate(self, model, callbacks=()):
        """Evaluates a model; returns a dictionary of its loss and metrics."""
        return evaluate(model, self.validation, self.batch_size, callbacks)


class Trainer:
    """Prunes and trains models, one after another, and compiles the same model only once.

    TensorFlow keeps the graphs of each compiled train step until the process ends, and to trace
    one takes seconds.

    Args:
        data: `Data`.
        optimizer: The optimizer that those of the trainings are like.
        teacher: The dense model, whose outputs they learn to imitate; or None.
        block_size: Pair of ints.
        is_int8: Bool, whether to train for int8: the last part of a training rounds weights and
            activations as the file will, and so do the evaluations from there on. The ranges of
            activations stay with the model.
    """

    def __init__(self, data, optimizer, teacher=None, block_size=(1, 1), is_int8=False):
        self._data = data
        self._optimizer, self._teacher = optimizer, teacher
        self._block_size, self._is_int8 = block_size, is_int8
        self._compiled = {}

    def fine_tune(self, model, sparsities, settings, epochs, method="gradual", report=None):
        """Prunes a trained model by a method, and trains on with the zeros.

        Args:
            model: Compiled Keras 3 model.
            sparsities: Dictionary from names of layers to sparsities; those of 0 stay dense.
            settings: `Settings`.
            epochs: Int.
            method: Name of one of `METHODS`.
            report: A function that gets the number of epochs so far and the evaluation after them,
                and returns whether to stop; or None.

        Returns:
            The evaluation after the last epoch, a dictionary of the loss and metrics; and the model
            that was trained: `model`, or a smaller one if the method cuts channels.
        """
        pruned, callbacks = METHODS[method].begin(model, sparsities, settings, self._block_size)
        steps = epochs * self._data.steps
        compiled = self._compile(pruned, settings.distillation, is_kept=pruned is model)
        trained = compiled.begin(settings.learning_rate, steps, settings.distillation)
        rounding = []
        if self._is_int8:
            rounding = [_quantization(pruned, settings.rounding, steps)]
        evaluation = _Evaluation(self._data, epochs, rounding, report)
        self._data.fit(trained, epochs, [*callbacks, *rounding, evaluation])
        return evaluation.found, pruned

    def _compile(self, model, distillation, is_kept):
        """The `CompiledModel` of a model, kept for its next training."""
        teacher = self._teacher if distillation else None
        compiled = self._compiled.get((model, teacher))
        if compiled is None:
            compiled = CompiledModel(model, teacher, self._optimizer)
            if is_kept:
                self._compiled[model, teacher] = compiled
        return compiled


def _quantization(model, begin, steps):
    """The callback that trains a model for int8, from a fraction of all steps on."""
    ranges = ValueRanges.of(model)
    if ranges is not None:
        ranges.reset()  # of another training
    rounded = max(1, (1 - begin) * steps)
    momentum = min(max(1 - AVERAGES / rounded, LEAST_MOMENTUM), MOST_MOMENTUM)
    return QuantizationAwareTraining(
        begin=begin, freeze_batchnorm=(1 + begin) / 2, range_momentum=momentum
    )


class _Evaluation(keras.callbacks.Callback):
    """Evaluates the model after the last epoch, or after each one for a report.

    Args:
        data: `Data`.
        epochs: Int, of the training.
        callbacks: List of those that have a part in an evaluation.
        report: As of `fine_tune`.

    Attributes:
        found: Dictionary of the loss and metrics.
    """

    def __init__(self, data, epochs, callbacks, report):
        super().__init__()
        self.found = None
        self._data, self._epochs, self._callbacks = data, epochs, callbacks
        self._report = report

    def on_epoch_end(self, epoch, logs=None):
        """Evaluates and reports."""
        if self._report is None and epoch + 1 < self._epochs:
            return
        self.found = self._data.evaluate(self.model, self._callbacks)
        if self._report is not None and self._report(epoch + 1, self.found):
            self.model.stop_training = True
