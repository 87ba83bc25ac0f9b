"""The base class of the losses that compare a student with its teacher."""

import keras

from tfsparse.distill.features import Features


class DistillationLoss(keras.layers.Layer):
    """Compares what a teacher and a student compute for the same examples.

    It is a layer, as it may have weights, which train with the student. It computes in float32. A
    loss implements `_connect`, and `call`, which takes two lists of tensors, those of
    `teacher_layers` and of `student_layers`, and returns a loss for each example: (batch,), or
    (batch, positions).

    Args:
        teacher_layers, student_layers: Sequences of names of layers; the models' outputs if empty.
        name: String, or None.
    """

    def __init__(self, teacher_layers=(), student_layers=(), name=None):
        super().__init__(name=name, dtype="float32")
        self.teacher_layers = tuple(teacher_layers)
        self.student_layers = tuple(student_layers)

    def connect(self, teacher: Features, student: Features) -> None:
        """Checks that the loss can compare two models, and makes its weights.

        Args:
            teacher, student: `Features`.

        Raises:
            ValueError: The models do not fit, or the loss is connected already.
        """
        if self.built:
            raise ValueError(
                f"Loss {self.name!r} is part of a Distiller already. Make a new "
                f"{type(self).__name__} for each Distiller."
            )
        self._connect(teacher, student)
        self.built = True

    def _connect(self, teacher, student):
        """Does what `connect` does."""
        raise NotImplementedError

    def _shapes(self, teacher, student):
        """Returns two lists of tuples, the shapes that `call` will get."""
        return [
            [features.shapes[name] for name in names]
            for features, names in (
                (teacher, self.teacher_layers),
                (student, self.student_layers),
            )
        ]
