"""Training with what int8 does to weights and activations."""

import dataclasses
import functools
import logging

from tfsparse.annotations import Position
from tfsparse.arguments import is_number
from tfsparse.formatting import listed
from tfsparse.graph.calls import unroll
from tfsparse.keras_models import strategy_of, student_of
from tfsparse.prune import schedules
from tfsparse.prune.scheduled_callback import ScheduledCallback
from tfsparse.prune.train_step import TrainStep
from tfsparse.quantize.forward import QuantizedForward
from tfsparse.quantize.mode import Mode
from tfsparse.quantize.plan import plan
from tfsparse.quantize.validation import QuantizedTestStep
from tfsparse.quantize.value_ranges import FixedPointRanges, ValueRanges

_PART = "fake quantization"


class QuantizationAwareTraining(ScheduledCallback):
    """Trains a network for int8, and keeps its zeros.

    Inside the compiled train step weights and activations are rounded to what the int8 file will
    hold, with straight-through gradients, so that the training repairs what the rounding costs.
    Weights have one scale an output channel and a zero point of 0: a pruned weight stays exactly
    zero. Activations have one scale and zero point a tensor, from moving averages of their smallest
    and largest values. They are rounded where TFLite rounds them: BatchNormalization and ReLU are
    part of the convolution before them, and what a concatenation joins shares a range. For the last
    part of the training BatchNormalization uses its moving statistics, as the file will.

    The variables stay float and the model stays a plain Keras model: nothing is wrapped or cloned,
    it saves and loads as before, and `predict`, also `evaluate` after `fit`, compute in float.
    Validation during `fit` is of the network in int8. The ranges stay with the model, and with the
    `.keras` files it is saved to, for `tfsparse.convert(..., weights="int8")`, which then needs no
    `representative_dataset`. A training that is resumed from saved weights measures ranges anew
    from its first batch. A `fit` that an exception ends leaves its train step as it is; the next
    one with this callback replaces it.

    With `fixed_point=True` all scales are powers of two, as processors without a multiplication for
    scales need them, and zero points are 0, but of sigmoid and softmax, which TFLite prescribes:
    dynamic fixed point. Weights then have one scale a layer, after BatchNormalization is part of
    them. The scales are those with the least absolute error, of activations on average over the
    batches. From Qiu et al., "Going Deeper with Embedded FPGA Platform for Convolutional Neural
    Network", 2016 (https://doi.org/10.1145/2847263.2847265).

    Use it beside `GradualPruning`, `RigL` or `PatternPruning` in one `fit`, or on a model that is
    pruned already, together with `GradualPruning(schedule=ConstantSparsity(...))`, which holds the
    zeros. Begin with a trained model and a small learning rate, or let `begin` leave time.

    What it does not know, and what TFLite does not have in int8, stays float: `float_layers` names
    these layers. The train step is compiled once more at `freeze_batchnorm`.

    From Jacob et al., "Quantization and Training of Neural Networks for Efficient
    Integer-Arithmetic-Only Inference", 2018 (https://arxiv.org/abs/1712.05877).

    Args:
        begin: Where rounding begins: a float in [0, 1] is a fraction of the training, an int is a
            step, counted as `optimizer.iterations` counts.
        freeze_batchnorm: Where BatchNormalization begins to use its moving statistics, and leaves
            them as they are; given as `begin` is.
        range_momentum: Float in [0, 1), how much of a range so far each batch keeps.
        fixed_point: Whether scales are powers of two.

    Raises:
        TypeError: An argument is of a wrong type. `fit` raises it if the model is no Keras 3 model.
        ValueError: An argument is out of its range. `fit` raises it if the model is subclassed, so
            that what it computes cannot be read, or is not built; with `fixed_point`, if a
            BatchNormalization is not behind a convolution or a dense layer.

    Example:

    ```python
    model.fit(x, y, epochs=20, callbacks=[tfsparse.GradualPruning(final_sparsity=0.8)])
    keep = tfsparse.GradualPruning(schedule=tfsparse.ConstantSparsity(0.8))
    model.fit(x, y, epochs=5, callbacks=[keep, tfsparse.QuantizationAwareTraining()])
    tfsparse.convert(model, "model.tflite", weights="int8")
    ```
    """

    def __init__(
        self,
        *,
        begin: Position = 0.0,
        freeze_batchnorm: Position = 0.8,
        range_momentum: float = 0.99,
        fixed_point: bool = False,
    ) -> None:
        schedules.check_position("begin", begin)
        schedules.check_position("freeze_batchnorm", freeze_batchnorm)
        schedules.check_order(begin, freeze_batchnorm, ("begin", "freeze_batchnorm"))
        if not is_number(range_momentum):
            raise TypeError(
                f"Expected range_momentum to be a float in [0, 1). Received: {range_momentum!r}"
            )
        if not 0 <= range_momentum < 1:
            raise ValueError(f"Expected range_momentum to be in [0, 1). Received: {range_momentum}")
        if not isinstance(fixed_point, bool):
            raise TypeError(f"Expected fixed_point to be a bool. Received: {fixed_point!r}")
        self.range_momentum = range_momentum
        self.fixed_point = fixed_point
        self.float_layers = []
        super().__init__(_Phases(begin, freeze_batchnorm))

    def get_config(self) -> dict:
        """Returns the constructor's arguments as a dict."""
        return {
            "begin": self.schedule.begin,
            "freeze_batchnorm": self.schedule.end,
            "range_momentum": self.range_momentum,
            "fixed_point": self.fixed_point,
        }

    def on_train_begin(self, logs: dict | None = None) -> None:
        """Finds out where TFLite rounds; other callbacks may still restore weights."""
        network = student_of(self.model)
        program = unroll(network)
        self._forget()
        self._quantization = plan(program)
        if self.fixed_point and self._quantization.norms_alone:
            raise ValueError(
                "Expected each BatchNormalization to be behind a convolution or a dense layer "
                "without an activation that nothing else reads, for fixed_point=True: others would "
                "be operators with a scale for each channel. Received: "
                f"{listed(self._quantization.norms_alone)}, in model {network.name!r}."
            )
        self.float_layers = self._quantization.float_layers
        if self.float_layers:
            logging.getLogger(__name__).warning(
                "Not trained for int8, in model %r: %s", network.name, listed(self.float_layers)
            )
        self._train_step = TrainStep.of(self.model)
        self._train_step.detach_kind(_PART)
        super().on_train_begin(logs)

    def on_test_batch_begin(self, batch: int, logs: dict | None = None) -> None:
        """Lets a validation during the training be one in int8."""
        if self._parts:
            (forward,) = self._parts  # In a validation both phases round alike.
            key = (_PART, "validation", id(ValueRanges.of(student_of(self.model))))
            make = functools.partial(QuantizedTestStep, self.model, forward)
            self._train_step.once(key, make).set()

    def _update(self, freezes):
        self._train_step.detach(self._parts)
        self._parts = []
        if freezes is None:
            return
        names = list(dict.fromkeys(self._quantization.names.values()))
        network = student_of(self.model)
        ranges = ValueRanges.of(network)
        kind = FixedPointRanges if self.fixed_point else ValueRanges
        if type(ranges) is not kind or ranges.names != names:
            ranges = kind(names, strategy_of(network))
            ranges.attach(network)
        folded = self._quantization.folded if self.fixed_point else None
        ranges.momentum.assign(self.range_momentum)
        make = functools.partial(
            QuantizedForward,
            network,
            self._quantization,
            ranges.limits,
            Mode(freeze_batchnorm=freezes, folded=folded),
            ranges.update,
            ranges.see,
        )
        key = (_PART, freezes, id(ranges))
        self._parts = self._train_step.attach({key: make})

    def _close(self):
        self._train_step.detach(self._parts)
        self._forget()

    def _forget(self):
        super()._forget()
        self._train_step = self._quantization = None
        self._parts = []


@dataclasses.dataclass(frozen=True)
class _Phases(schedules.Schedule):
    """Whether BatchNormalization is frozen, None before anything is rounded.

    Args:
        begin, end: Where rounding begins, and where BatchNormalization is frozen: a float is a
            fraction of the training, an int is a step.
    """

    begin: float
    end: float

    def __call__(self, step):
        """Returns whether a phase begins at a step, a bool, and what holds from there."""
        begin = schedules.to_step("begin", self.begin)
        end = schedules.to_step("freeze_batchnorm", self.end)
        return step in (begin, end), None if step < begin else step >= end

    def in_steps(self, total_steps=None):
        """Returns the same phases in steps; see `PolynomialDecay.in_steps`."""
        return _Phases(
            schedules.to_step("begin", self.begin, total_steps),
            schedules.to_step("freeze_batchnorm", self.end, total_steps),
        )
