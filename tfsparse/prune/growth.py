"""A warning about a training that lets pruned weights grow again."""

from tfsparse.keras_models import student_of
from tfsparse.prune.masks import Mask
from tfsparse.prune.train_step import TrainStep
from tfsparse.user_warnings import warn


def warn_of_growth(model, masks, advice):
    """Warns once if the next training of a model has no masks on its pruned weights.

    The model may be compiled again before. Layers that do not train are ignored, and so are
    weights that have changed in the meantime.

    Args:
        model: Keras 3 or tf_keras model; of a distiller the student is meant.
        masks: List of `Mask`, which are to be detached next.
        advice: String, how to keep the zeros.
    """
    model = student_of(model)
    watch = vars(model).get("make_train_function")
    if not isinstance(watch, _Watch):
        # What a `fit` calls first, and `compile` leaves alone.
        watch = model.make_train_function = _Watch(model)
    watch.pruned |= {id(mask.variable): (mask, advice) for mask in masks}


def watch_with(model, student):
    """Lets a warning that is due in the next training of a student be due in that of a model.

    Args:
        model: Keras 3 model that trains the student, at the begin of its `make_train_function`.
        student: Keras 3 model.
    """
    watch = vars(student).get("make_train_function")
    if isinstance(watch, _Watch):
        watch.move_to(model)


class _Watch:
    """Replaces a model's `make_train_function` until the next training."""

    def __init__(self, model):
        self.pruned = {}
        self._model = model
        self._make = model.make_train_function

    def __call__(self, force=False):
        function = self._make(force)
        if force:  # of a TrainStep, whose first call is yet to come
            return function
        vars(self._model).pop("make_train_function", None)
        step = TrainStep.of(self._model)
        # Only then do all callbacks have their masks attached.
        step.at_first_call(self._check)
        return step

    def move_to(self, model):
        """Watches the next training of another model instead."""
        vars(self._model).pop("make_train_function", None)
        self._model = model
        TrainStep.of(model).at_first_call(self._check)

    def _check(self, attached):
        held = {id(part.variable) for part in attached if isinstance(part, Mask)}
        moving = set(map(id, self._model.trainable_variables)) - held
        growing = [
            advice
            for variable, (mask, advice) in self.pruned.items()
            if variable in moving and mask.sparsity and mask.holds(mask.weights())
        ]
        if growing:
            warn(
                f"Pruned layers ({len(growing)}) train without masks: their zeros will grow again. "
                f"To keep the zeros, {' or '.join(dict.fromkeys(growing))}.",
            )
