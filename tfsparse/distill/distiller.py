"""A model that trains a student to imitate its teacher."""

import contextlib
from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf
from keras import ops
from keras.src.losses import loss as keras_loss

from tfsparse.annotations import Model, PathLike
from tfsparse.arguments import check_number
from tfsparse.distill.features import Features
from tfsparse.distill.losses import DistillationLoss
from tfsparse.keras_models import strategy_of
from tfsparse.prune.growth import watch_with


class Distiller(keras.Model):
    """Trains a student, with labels and to imitate a teacher.

    The loss of a training step is

        student_loss_weight * L + (1 - student_loss_weight) * sum(weight * D) + penalties

    with the loss L of `compile`, the distillation losses D, and the penalties of regularizers and
    `add_loss`. Weights of examples and of classes apply to L and to each D. `fit` also logs L as
    `"student_loss"` and the sum as `"distillation_loss"`.

    In all but training the distiller is its student: `evaluate`, whose loss is L with the
    penalties, `predict`, `save`, which writes the student as a plain Keras model, and `export`.
    Callbacks of tfsparse, such as `GradualPruning`, change the student only.

    The teacher is not trained: it runs in inference, once a step, and keeps its weights and
    `trainable` as they are. It is no part of `weights`. `save_weights`, `BackupAndRestore` and
    `ModelCheckpoint(save_weights_only=True)` write the student, the optimizer and the weights of
    losses, to go on with a training; the teacher is given to the constructor again.

    Arguments are those of Keras's own `Distiller` (3.12 and later), which leaves out the penalties
    and the weights of examples, and runs the student twice for features.

    Args:
        teacher: Trained Keras 3 model, which takes the inputs of the student.
        student: Keras 3 model. It may be subclassed, as may the teacher, if no loss names layers.
        distillation_losses: `LogitsDistillation`, `HintDistillation`, `AttentionTransfer` or
            `FSPDistillation`, or a list of these.
        distillation_loss_weights: Float, or one for each distillation loss; 1 by default.
        student_loss_weight: Float in [0, 1], the weight of L. With 0 `compile` needs no loss, and
            `fit` no labels.
        name: String.

    Raises:
        TypeError: An argument is of a wrong type.
        ValueError: An argument is out of its range; the models share weights; a layer that a loss
            names does not exist; or the models do not fit a loss. `compile` raises it if `loss` is
            missing.

    Example:

    ```python
    loss = tfsparse.distill.LogitsDistillation(temperature=4)
    distiller = tfsparse.distill.Distiller(teacher, student, loss)
    distiller.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    distiller.fit(x, y, epochs=20, callbacks=[tfsparse.GradualPruning(final_sparsity=0.8)])
    tfsparse.convert(distiller.student, "model.tflite")
    ```
    """

    def __init__(
        self,
        teacher: Model,
        student: Model,
        distillation_losses: DistillationLoss | Sequence[DistillationLoss],
        distillation_loss_weights: float | Sequence[float] | None = None,
        student_loss_weight: float = 0.5,
        name: str = "distiller",
    ) -> None:
        _check_models(teacher, student)
        losses = _as_list(distillation_losses)
        weights = _checked_weights(distillation_loss_weights, losses)
        with strategy_of(student).scope():
            # The student casts its inputs itself; the teacher may do so otherwise.
            super().__init__(name=name, dtype=student.dtype_policy, autocast=False)
            self.student = student
            self.distillation_losses = losses
            self.distillation_loss_weights = weights
            # A variable, so that a change needs no other compile.
            self._student_loss_weight = tf.Variable(0.0, trainable=False)
            self.student_loss_weight = student_loss_weight
            # Plain objects, so that the teacher is no part of this model.
            names = [name for loss in losses for name in loss.teacher_layers]
            self._run_teacher = Features(teacher, names, "teacher")
            names = [name for loss in losses for name in loss.student_layers]
            self._run_student = Features(student, names, "student")
            for loss in losses:
                loss.connect(self._run_teacher, self._run_student)
            self._mean = _Mean(name="mean")
            self._student_loss = keras.metrics.Mean("student_loss")
            self._distillation_loss = keras.metrics.Mean("distillation_loss")
            self._evaluates = False
        self.built = student.built

    @property
    def teacher(self) -> Model:
        """The teacher, a Keras model."""
        return self._run_teacher.model

    @property
    def student_loss_weight(self) -> float:
        """The weight of L, a float in [0, 1]. It may be changed between two trainings."""
        return self._weight

    @student_loss_weight.setter
    def student_loss_weight(self, weight: float) -> None:
        check_number("student_loss_weight", weight)
        if weight > 1:
            raise ValueError(
                "Expected student_loss_weight to be in [0, 1]: the distillation losses have the "
                f"rest. Received: {weight}"
            )
        if self.compiled:
            _check_loss(self._compile_loss, weight)
        self._weight = float(weight)
        self._student_loss_weight.assign(weight)

    def __dir__(self):
        # Keras saves each model and layer that is listed here.
        return [name for name in super().__dir__() if name != "teacher"]

    @property
    def metrics(self) -> list:
        """Keras's list of metrics; in an evaluation without those of the distillation."""
        hidden = (self._student_loss, self._distillation_loss) if self._evaluates else ()
        return [metric for metric in super().metrics if not any(metric is x for x in hidden)]

    def compile(
        self, optimizer: Any = "rmsprop", loss: Any = None, *args: Any, **kwargs: Any
    ) -> None:
        """Configures the training of the student, as `compile` of each Keras model does."""
        _check_loss(loss, self.student_loss_weight)
        super().compile(optimizer, loss, *args, **kwargs)

    def make_train_function(self, force: bool = False) -> None:
        """Makes the compiled train step, as Keras calls it."""
        watch_with(self, self.student)
        super().make_train_function(force)

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        """Returns the student's outputs."""
        self._run_student.latest = None
        if not training:
            return self.student(inputs, training=training)
        outputs, self._run_student.latest = self._run_student(inputs, training)
        return outputs

    def compute_loss(
        self,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = True,
        **kwargs: Any,
    ) -> Any:
        """Returns the loss of a step; in an evaluation that of the student alone."""
        # Older versions of Keras do not say whether this is a training. `call` knows.
        features, self._run_student.latest = self._run_student.latest, None
        if features is None:
            return super().compute_loss(x, y, y_pred, sample_weight, **kwargs)
        student_loss = ops.zeros(())
        if self._compile_loss is not None:
            student_loss = self._compile_loss(y, y_pred, sample_weight)
        distillation_loss = self._compare(x, y_pred, features, sample_weight)
        examples = ops.shape(tf.nest.flatten(y_pred)[0])[0]
        self._student_loss.update_state(_unscaled(student_loss), examples)
        self._distillation_loss.update_state(_unscaled(distillation_loss), examples)
        weight = tf.cast(self._student_loss_weight, student_loss.dtype)
        aggregate = getattr(self, "_aggregate_additional_loss", ops.sum)
        penalties = [aggregate(penalty) for penalty in self.losses]
        return sum(penalties, weight * student_loss + (1 - weight) * distillation_loss)

    def _compare(self, x, y_pred, features, sample_weight):
        """Returns the weighted sum of the distillation losses."""
        outputs, of_teacher = self._run_teacher(x, training=False)
        sample_weight = _weight_of_examples(sample_weight)
        total = 0.0
        for loss, weight in zip(
            self.distillation_losses, self.distillation_loss_weights, strict=True
        ):
            wanted = [of_teacher[n] for n in loss.teacher_layers] or tf.nest.flatten(outputs)
            own = [features[n] for n in loss.student_layers] or tf.nest.flatten(y_pred)
            values = loss([ops.stop_gradient(value) for value in wanted], own)
            # Keras keeps the mask of padded positions with the outputs.
            masked = values if loss.student_layers else own[0]
            total += weight * self._mean(values, masked, sample_weight)
        return total

    def test_step(self, data: Any) -> dict:
        """Runs one step of an evaluation, of the student alone."""
        with self._evaluating():
            return super().test_step(data)

    def evaluate(self, *args: Any, **kwargs: Any) -> Any:
        """Evaluates the student, as `evaluate` of each Keras model does."""
        with self._evaluating():
            return super().evaluate(*args, **kwargs)

    def save(self, filepath: PathLike, *args: Any, **kwargs: Any) -> None:
        """Saves the student, a plain Keras model."""
        self.student.save(filepath, *args, **kwargs)

    def export(self, filepath: PathLike, *args: Any, **kwargs: Any) -> None:
        """Exports the student."""
        self.student.export(filepath, *args, **kwargs)

    @contextlib.contextmanager
    def _evaluating(self):
        before, self._evaluates = self._evaluates, True
        try:
            yield
        finally:
            self._evaluates = before


class _Mean(keras.losses.Loss):
    """The mean of the values that stand for labels, weighted as Keras weights a loss."""

    def call(self, y_true, y_pred):
        return y_true


def _unscaled(loss):
    # Newer versions of Keras divide losses by the number of replicas.
    unscale = getattr(keras_loss, "unscale_loss_for_distribution", None)
    return loss if unscale is None else unscale(loss)


def _weight_of_examples(sample_weight):
    weights = [weight for weight in tf.nest.flatten(sample_weight) if weight is not None]
    if len(weights) > 1:
        raise ValueError(
            "Expected one sample_weight, for the examples. Received one for each of "
            f"{len(weights)} outputs, which distillation losses do not know."
        )
    return weights[0] if weights else None


def _check_loss(loss, weight):
    if loss is None and weight:
        raise ValueError(
            "Expected compile to get the student's loss for the labels. Received: loss=None, and "
            f"student_loss_weight={weight}. To train without labels, set student_loss_weight=0."
        )


def _check_models(teacher, student):
    for role, model in (("teacher", teacher), ("student", student)):
        if not isinstance(model, keras.Model):
            raise TypeError(f"Expected {role} to be a Keras 3 model. Received: {model!r}")
    shared = {id(v) for v in teacher.variables} & {id(v) for v in student.variables}
    if teacher is student or shared:
        raise ValueError(
            "Expected student and teacher to be models of their own: the student's weights change. "
            f"Received: {student.name!r} and {teacher.name!r}, which share weights. Copy a model "
            "with keras.models.clone_model and set_weights."
        )


def _as_list(losses):
    losses = list(losses) if isinstance(losses, list | tuple) else [losses]
    for loss in losses:
        if not isinstance(loss, DistillationLoss):
            raise TypeError(
                "Expected distillation_losses to be LogitsDistillation, HintDistillation, "
                f"AttentionTransfer or FSPDistillation. Received: {loss!r}"
            )
    if not losses:
        raise ValueError("Expected at least one distillation loss. Received: []")
    return losses


def _checked_weights(weights, losses):
    weights = 1.0 if weights is None else weights
    weights = list(weights) if isinstance(weights, list | tuple) else [weights] * len(losses)
    for weight in weights:
        check_number("distillation_loss_weights", weight)
    if len(weights) != len(losses):
        raise ValueError(
            f"Expected distillation_loss_weights to be one for each of {len(losses)} losses. "
            f"Received: {weights}"
        )
    return weights
