"""The base class of all methods: masks that follow a schedule during training."""

import functools

import tensorflow as tf

from tfsparse.annotations import Model
from tfsparse.keras_models import strategy_of
from tfsparse.prune.growth import warn_of_growth
from tfsparse.prune.masked_callback import MaskedCallback
from tfsparse.prune.masks import Mask
from tfsparse.prune.moving_averages import MaskedAverages
from tfsparse.prune.train_step import TrainStep
from tfsparse.user_warnings import warn


class MaskedPruning(MaskedCallback):
    """A callback that holds masks and changes them when a schedule says so.

    A method implements `_attach`, `_update`, `_prune_one_shot` and `_measure`, and finds the masks
    in `self._masks`. They prune nothing when a training begins.

    Attributes:
        LOGGED: Name under which `fit` logs the amount that is pruned.

    Args:
        scope: What is pruned; see `scope_grammar`.
        schedule: Function from a step to a bool, whether masks change, and the argument of
            `_update`.
    """

    LOGGED = "sparsity"

    def __init__(self, scope, schedule):
        self.scope = scope
        self._reached = 0.0
        super().__init__(schedule)

    def apply(self, model: Model) -> float:
        """Prunes a model one-shot, outside of `fit`.

        Args:
            model: Built Keras model. Afterwards it has no masks.

        Returns:
            The amount that is pruned, a float, as `fit` logs it.

        Raises:
            TypeError, ValueError: The class does not support the model, or the scope matches
                nothing.
            RuntimeError: Called inside a `tf.function`.
        """
        self._check_eager()
        try:
            self._attach(model)
            self._prune_one_shot()
            self._hold()
            self._leave()
        finally:
            self._detach()
        return self._reached

    def _attach(self, model, train_step=None):
        """Attaches masks that keep everything.

        Args:
            model: Keras model.
            train_step: `TrainStep` that is to apply the masks; None outside of a training.
        """
        raise NotImplementedError

    @property
    def _to_keep_zeros(self):
        """How to keep the zeros in a later training, or None if they stay without masks."""
        return None

    def _prune_one_shot(self):
        """Changes the masks to those at the end of a training."""
        raise NotImplementedError

    def _measure(self):
        """Returns the amount of zeros in the weights, independent of the masks."""
        raise NotImplementedError

    def on_train_begin(self, logs: dict | None = None) -> None:
        """Attaches masks that prune nothing, because other callbacks may still restore weights."""
        self._attach(self.model, TrainStep.of(self.model))
        super().on_train_begin(logs)

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        """Updates the masks if the schedule says so."""
        super().on_train_batch_end(batch, logs)
        self._log(logs)

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        """Updates the masks for the last time in an epoch."""
        super().on_epoch_end(epoch, logs)
        self._log(logs)

    def _close(self):
        # Weights of another epoch are not pruned: they were not trained with these masks.
        if not all(mask.holds(mask.weights()) for mask in self._masks):
            logged, self._reached = self._reached, self._measure()
            if self._reached < logged - 1e-6:
                warn(
                    f"The model has a {self.LOGGED} of {self._reached:.3f}, not the {logged:.3f} "
                    "that fit logged last: a callback has put other weights into it, as "
                    "EarlyStopping(restore_best_weights=True) does with those of an earlier epoch. "
                    "They are left as they are. Let that callback begin when the last weights are "
                    "pruned (EarlyStopping has start_from_epoch), or prune in another fit.",
                )
        self._leave()

    def _check_eager(self):
        if not tf.executing_eagerly():
            raise RuntimeError(
                f"{type(self).__name__}.apply was called inside a tf.function, where it would run "
                "only once. Call it before each call of that function."
            )

    def _attach_masks(self, model, train_step, variables, kind="weights", moved=None):
        """Attaches masks that prune nothing.

        Args:
            model: Keras model.
            train_step: See `_attach`.
            variables: List of different variables, one for each mask.
            kind: String, see `Mask`.
            moved: The variables whose pruned weights a train step would change, by default all.
                Only these are masked in each step, to save time.
        """
        strategy = strategy_of(model)
        self._masked_model, self._train_step = model, train_step
        self._reached = 0.0
        self._masks = self._attach_parts(
            "mask", variables, lambda variable: Mask(variable, strategy, kind), kind
        )
        moved = set(map(id, variables if moved is None else moved))
        in_step = [mask for mask in self._masks if id(mask.variable) in moved]
        for mask in self._masks:
            mask.reset()
        for mask in in_step:
            mask.attach()
        self._averages = MaskedAverages(getattr(model, "optimizer", None), self._masks, in_step)
        self._averages.attach()

    def _attach_parts(self, name, variables, make, *details):
        """Returns `make(variable)` for each variable, or the part of a compiled train step.

        Args:
            name: String, identifies the purpose of the parts, together with `details`.
            variables: List of different variables.
            make: Function of a variable; see `TrainStep.attach`.
        """
        if self._train_step is None:
            return [make(variable) for variable in variables]
        makers = {(name, *details, id(v)): functools.partial(make, v) for v in variables}
        parts = self._train_step.attach(makers)
        self._parts += parts
        return parts

    def _leave(self):
        """Removes the masks; the zeros stay."""
        if self._to_keep_zeros:
            warn_of_growth(self._masked_model, self._masks, self._to_keep_zeros)
        self._detach()

    def _forget(self):
        super()._forget()
        self._masked_model = None

    def _log(self, logs):
        if logs is not None:
            logs[self.LOGGED] = self._reached
