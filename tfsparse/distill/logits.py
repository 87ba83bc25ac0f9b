"""Distillation of a classifier's outputs."""

import keras
from keras import ops

from tfsparse.arguments import is_number
from tfsparse.distill.losses import DistillationLoss
from tfsparse.graph import rules
from tfsparse.graph.calls import functional_of

# Below this a probability counts as this. Softened probabilities are sensitive to small ones, so it
# is far below Keras's epsilon.
_SMALLEST = 1e-30


class LogitsDistillation(DistillationLoss):
    """Compares the classes' probabilities, softened by a temperature.

    The loss of an example is `T^2 KL(softmax(t / T) || softmax(s / T))` with the logits t of the
    teacher and s of the student. The factor keeps the size of the gradients when T changes. Models
    that return probabilities are taken as well: a logarithm makes them logits again.

    From Hinton et al., "Distilling the Knowledge in a Neural Network", 2015
    (https://arxiv.org/abs/1503.02531).

    Args:
        temperature: Positive float, T. A higher one shows the student more of how the teacher ranks
            the wrong classes.
        from_logits: Bool, whether both models return logits, or both probabilities. None, the
            default, reads it from the last layer of each: probabilities after a softmax, else
            logits. For subclassed models it must be given.

    Raises:
        TypeError, ValueError: An argument is of a wrong type or out of its range. A `Distiller`
            raises a ValueError if the models do not have one output with as many classes each, or
            `from_logits` is missing.
    """

    def __init__(self, temperature: float = 3.0, from_logits: bool | None = None) -> None:
        super().__init__()
        if not is_number(temperature):
            raise TypeError(f"Expected temperature to be a float. Received: {temperature!r}")
        if not 0 < temperature < float("inf"):
            raise ValueError(f"Expected temperature to be above 0. Received: {temperature}")
        if from_logits not in (True, False, None):
            raise ValueError(f"Expected from_logits to be a bool. Received: {from_logits!r}")
        self.temperature = temperature
        self.from_logits = from_logits

    def _connect(self, teacher, student):
        self._are_logits = [self._gives_logits(x) for x in (teacher, student)]
        shapes = [(x, x.output_shapes) for x in (teacher, student)]
        for features, own in shapes:
            if own is not None and (len(own) != 1 or own[0][-1] in (None, 1)):
                raise ValueError(
                    f"Expected the {features.role} to have one output, of at least two classes. "
                    f"Received outputs of shapes: {own}"
                )
        (_, of_teacher), (_, of_student) = shapes
        if None not in (of_teacher, of_student) and of_teacher[0][1:] != of_student[0][1:]:
            raise ValueError(
                "Expected teacher and student to have as many classes. Received outputs of shapes: "
                f"{of_teacher[0]} and {of_student[0]}"
            )

    def call(self, teacher: list, student: list) -> keras.KerasTensor:
        """Returns a loss for each example, or each position of it."""
        t, s = (
            self._softened(outputs, are_logits)
            for (outputs,), are_logits in zip((teacher, student), self._are_logits, strict=True)
        )
        return self.temperature**2 * ops.sum(ops.exp(t) * (t - s), axis=-1)

    def _softened(self, outputs, are_logits):
        """Returns the logarithms of the softened probabilities."""
        if not are_logits:
            outputs = ops.log(ops.maximum(outputs, _SMALLEST))
        return ops.log_softmax(outputs / self.temperature, axis=-1)

    def _gives_logits(self, features):
        if self.from_logits is not None:
            return self.from_logits
        model = features.model
        function = functional_of(model)
        if function is None:
            raise ValueError(
                f"The {features.role} {model.name!r} ({type(model).__name__}) is subclassed or not "
                "built: whether it returns logits or probabilities cannot be read. Give "
                "from_logits=True or False to LogitsDistillation."
            )
        while function is not None:
            last = function.outputs[0]._keras_history.operation
            function = functional_of(last)
        activation = getattr(last, "activation", None)
        if activation is keras.activations.sigmoid or rules.kind(last) == "Sigmoid":
            raise ValueError(
                f"The {features.role} {model.name!r} ends with a sigmoid, and LogitsDistillation "
                "compares classes of which one is right. Use HintDistillation on the last layer."
            )
        return not (activation is keras.activations.softmax or rules.kind(last) == "Softmax")
