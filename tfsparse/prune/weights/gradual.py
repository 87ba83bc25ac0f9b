"""Gradual magnitude pruning."""

from collections.abc import Mapping
from typing import Any

from tfsparse.annotations import BlockSize, Model, Scope
from tfsparse.prune import magnitude, schedules
from tfsparse.prune.scope_grammar import LAYERS_AND_DEPTHWISE, check_scope
from tfsparse.prune.train_step import TrainStep
from tfsparse.prune.weights.distribution import erdos_renyi_kernel
from tfsparse.prune.weights.masked_weights import MaskedWeights
from tfsparse.prune.weights.sensitivity import Sensitivity

DISTRIBUTIONS = ("uniform", "global", "erdos_renyi_kernel")
_DEFAULT_SPARSITY = 0.8


class GradualPruning(MaskedWeights):
    """Prunes the smallest weights gradually during training.

    Masks follow a schedule and are applied inside each compiled train step, so a pruned weight is
    exactly zero at any time. The model stays a plain Keras model: it saves, clones and exports as
    before, also during training. Supports Keras 3 (TensorFlow backend) and tf_keras models,
    any optimizer, `steps_per_execution`, `jit_compile`, mixed precision and
    `tf.distribute.MirroredStrategy`.

    A training that is resumed from saved weights and optimizer state (with `initial_epoch`, or by
    `BackupAndRestore`) keeps its zeros, because all zeros count as pruned. A later `fit`
    without this callback lets them grow again, with a warning; to fine-tune a pruned model with its
    zeros, give that `fit` a `GradualPruning(schedule=ConstantSparsity(...))`. After a `fit` that
    ends with an exception the masks stay attached, until the next `fit` with a `GradualPruning`.

    `fit` logs the sparsity reached as `"sparsity"`: the fraction of zeros in all layers of the
    scope. Callbacks that read the logs, such as `TensorBoard`, see it if they come later in the
    list; the progress bar and `History` always do.

    From Zhu & Gupta, "To prune, or not to prune", 2017 (https://arxiv.org/abs/1710.01878).

    Args:
        final_sparsity: Float in [0, 1), the fraction of zeros at the end, 0.8 by default.
            It is reached after three quarters of the training; the rest is fine-tuning. Not
            together with `schedule` or a mapping as `scope`, which contain it.
        schedule: `PolynomialDecay`, `ConstantSparsity`, or a `PruningSchedule` of
            tensorflow-model-optimization.
        scope: Which layers: `"pointwise"`, the default, for 1x1 convolutions except the model's
            first convolution; `"3x3"` for 3x3 convolutions; `"all_but_first"` for all layers except
            the first convolution; `"all"`; `"depthwise"`; a function that takes a layer and returns
            a bool; or a mapping of layer-name patterns (as in `fnmatch`) to final sparsities. The
            first matching pattern applies.
            Layers are Conv1D, Conv2D, Dense, EinsumDense (used in attention), and
            SeparableConv1D and SeparableConv2D with their pointwise kernels. DepthwiseConv1D and
            DepthwiseConv2D are pruned by `"depthwise"`, and by a pattern or a function that chooses
            no other layer.
        distribution: `"uniform"` gives every layer the same sparsity, best for latency;
            `"global"` compares the magnitudes of all layers with each other;
            `"erdos_renyi_kernel"` makes small layers denser than large ones, as in `RigL`; the
            result of `tfsparse.sensitivity` prunes sensitive layers less.
        block_size: 1, 2 or 4 neighbouring output channels that share a pattern, or a pair of output
            and input channels: `(1, 4)` for networks that will run in int8. Larger blocks run
            faster and lose more accuracy.
        frequency: Int, steps between two updates of the masks. Not together with `schedule`.

    Raises:
        TypeError: An argument is of a wrong type.
        ValueError: An argument is out of its range. `fit` and `apply` raise it if the model is not
            built, or the scope matches no layer.

    Example:

    ```python
    model.fit(x, y, epochs=20, callbacks=[tfsparse.GradualPruning(final_sparsity=0.8)])
    ```
    """

    def __init__(
        self,
        final_sparsity: float | None = None,
        *,
        schedule: Any = None,
        scope: Scope = "pointwise",
        distribution: "str | Sensitivity" = "uniform",
        block_size: BlockSize = 1,
        frequency: int | None = None,
    ) -> None:
        check_scope(scope, LAYERS_AND_DEPTHWISE)
        schedule = _schedule_for(final_sparsity, schedule, scope, frequency)
        super().__init__(scope, schedule, block_size)
        _check_distribution(distribution, scope, self.schedule)
        self.distribution = distribution

    def get_config(self) -> dict:
        """Returns the constructor's arguments as a dict."""
        return {
            "schedule": self.schedule,
            "scope": self.scope,
            "distribution": self.distribution,
            "block_size": self.block_size,
        }

    def update(self, model: Model, step: int, total_steps: int | None = None) -> float:
        """Updates the masks in a custom training loop.

        From the first call on, every optimizer update applies them, until `apply` is called.

        Args:
            model: Built Keras 3 or tf_keras model.
            step: Int, the number of optimizer updates done: `optimizer.iterations`.
            total_steps: Int, steps in the whole training; needed if the schedule's positions are
                fractions of it.

        Returns:
            The sparsity reached, a float.

        Raises:
            ValueError: The model is not built, the scope matches no layer, or `total_steps` is
                missing.
            RuntimeError: Called inside a `tf.function`.

        Example:

        ```python
        for batch in dataset:
            pruning.update(model, int(optimizer.iterations), total_steps)
            train_step(batch)  # calls optimizer.apply_gradients, in a tf.function or not
        pruning.apply(model)
        ```
        """
        self._check_eager()
        schedule = schedules.in_steps(self.schedule, total_steps)
        if self._masked_model is not model:
            self._attach(model, TrainStep.of(model))
        self._schedule = schedule
        self._advance(int(step))
        return self._reached

    @property
    def _to_keep_zeros(self):
        return (
            f"give fit a GradualPruning(schedule=ConstantSparsity({self._scheduled})) with the "
            "same scope, distribution and block_size"
        )

    def _update(self, sparsity):
        if sparsity == self._scheduled:
            return
        scores = self._scores(self._weights())
        if self.distribution == "global":
            keeps = magnitude.keep_largest_of_all(scores, sparsity)
        else:
            keeps = [
                magnitude.keep_largest(score, sparsity * factor)
                for score, factor in zip(scores, self._factors, strict=True)
            ]
        self._keep_blocks(keeps)
        self._scheduled = sparsity

    def _prune_one_shot(self):
        final = schedules.final_sparsity(self.schedule)
        if final is None:
            raise ValueError(
                "Expected a schedule that says its final_sparsity, to prune to it one-shot. "
                f"Received: {self.schedule}"
            )
        self._update(final)

    def _prepare(self, model):
        self._factors = self._layer_factors(schedules.final_sparsity(self.schedule))

    def _layer_factors(self, final):
        """Returns the final sparsity of each layer as a factor of the schedule's."""
        if isinstance(self.distribution, Sensitivity):
            names = [target.name for target in self._targets]
            return [s / final for s in self.distribution.allocate(final, names).values()]
        if self.distribution == "erdos_renyi_kernel":
            shapes = [tuple(target.kernel.shape) for target in self._targets]
            return [s / final for s in erdos_renyi_kernel(shapes, final)]
        return [1 if t.amount is None else t.amount / final for t in self._targets]

    def _forget(self):
        super()._forget()
        self._scheduled = 0.0  # masks that are attached keep everything


def _check_distribution(distribution, scope, schedule):
    if isinstance(distribution, Sensitivity):
        given = "A sensitivity"
    elif distribution in DISTRIBUTIONS:
        given = f"distribution={distribution!r}"
    else:
        raise ValueError(
            f"Expected distribution to be one of {DISTRIBUTIONS} or a result of "
            f"tfsparse.sensitivity. Received: {distribution!r}"
        )
    if distribution not in ("uniform", "global") and not schedules.final_sparsity(schedule):
        raise ValueError(
            f"{given} shares out a final_sparsity above 0, at which the schedule must end. "
            f"Received: schedule={schedule}"
        )
    if distribution != "uniform" and isinstance(scope, Mapping):
        raise ValueError(
            f"{given} chooses the layers' sparsities, and so does a mapping as scope. Give one of "
            f"the two. Received: scope={dict(scope)!r}"
        )


def _schedule_for(final_sparsity, schedule, scope, frequency):
    layers_decide = isinstance(scope, Mapping)
    if schedule is None:
        if layers_decide and final_sparsity is not None:
            raise ValueError(
                "Give final_sparsity or a mapping as scope, which says it for each layer. "
                f"Received: final_sparsity={final_sparsity}, scope={dict(scope)!r}"
            )
        if layers_decide:
            final_sparsity = max(scope.values())
        elif final_sparsity is None:
            final_sparsity = _DEFAULT_SPARSITY
        return schedules.PolynomialDecay(final_sparsity, frequency=frequency)
    if final_sparsity is not None or frequency is not None:
        raise ValueError(
            "A schedule says its own final_sparsity and frequency. Received: "
            f"schedule={schedule}, final_sparsity={final_sparsity}, frequency={frequency}"
        )
    if not callable(schedule) or isinstance(schedule, type):
        raise TypeError(
            "Expected schedule to be a PolynomialDecay, a ConstantSparsity or a PruningSchedule of "
            f"tensorflow-model-optimization. Received: {schedule!r}"
        )
    if layers_decide and not schedules.final_sparsity(schedule):
        raise ValueError(
            "With a mapping as scope, expected a schedule that ends at a final_sparsity above 0. "
            f"Received: schedule={schedule}"
        )
    return schedule
