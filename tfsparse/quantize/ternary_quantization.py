"""Trained ternary quantization: three values a layer."""

import functools

from tfsparse.annotations import Model, Position, Scope
from tfsparse.arguments import check_number
from tfsparse.formatting import listed
from tfsparse.keras_models import strategy_of
from tfsparse.prune import schedules
from tfsparse.prune.masked_callback import MaskedCallback
from tfsparse.prune.moving_averages import MaskedAverages
from tfsparse.prune.optimizers import GradientHooks
from tfsparse.prune.scope import select
from tfsparse.prune.scope_grammar import LAYERS_AND_INNER, check_scope
from tfsparse.prune.train_step import TrainStep
from tfsparse.quantize.begin import Begin
from tfsparse.quantize.end_warnings import warn_at_end
from tfsparse.quantize.ternary_kernel import TernaryAverage, TernaryKernel

_PART = "ternary weights"


class TernaryQuantization(MaskedCallback):
    """Makes each weight of a layer one of three values: -Wn, 0 and Wp, which are trained.

    The latent weights of full precision that the optimizer trains are kept beside the model: those
    of at most `threshold` times the largest of a layer are 0 in the model, the others Wp or -Wn.
    The model itself has ternary kernels from `begin` on. So validation, checkpoints and whatever an
    interrupted training leaves are of the ternary network, and the model stays a plain Keras model.
    The latent weights are no part of a checkpoint: a training that is resumed takes the ternary
    weights for them, and keeps their signs, zeros and values until it changes them.

    BatchNormalization is trained as before. A TFLite file has its factor for each channel in the
    kernel, so the file has two values a channel beside 0, in the type of its weights. In int8 the
    scale of the channel takes up the factor, and a layer has Wp, Wn and their negatives only.

    The two values get the sums of the gradients of their weights, as in the paper. They make steps
    of Adam of their own, on logarithms, so that they need no other learning rate than
    `scale_rate`; it falls as the learning rate of the optimizer does.

    From Zhu et al., "Trained Ternary Quantization", 2017 (https://arxiv.org/abs/1612.01064).

    Args:
        threshold: Float in (0, 1), the part of the largest latent weight of a layer up to which
            weights are zero.
        scope: Which layers: `"all_but_first_and_last"`, the default; `"pointwise"`, `"3x3"`,
            `"all_but_first"`, `"all"`, or a function that takes a layer and returns a bool.
        begin: Where weights become ternary: a float in [0, 1] is a fraction of the training, an int
            is a step, counted as `optimizer.iterations` counts.
        scale_rate: Float in (0, 1), about the largest change of the two values in a step, as a part
            of them.

    Raises:
        TypeError: An argument is of a wrong type. `fit` and `apply` raise it if the model is no
            Keras model.
        ValueError: An argument is out of its range. `fit` and `apply` raise it if the model is not
            built, `scope` matches no layer, or a kernel has a constraint.

    Example:

    ```python
    model.fit(x, y, epochs=20, callbacks=[tfsparse.TernaryQuantization(begin=0.3)])
    tfsparse.convert(model, "model.tflite")
    ```
    """

    def __init__(
        self,
        threshold: float = 0.05,
        *,
        scope: Scope = "all_but_first_and_last",
        begin: Position = 0.0,
        scale_rate: float = 1e-3,
    ) -> None:
        for name, number in (("threshold", threshold), ("scale_rate", scale_rate)):
            check_number(name, number)
            if not 0 < number < 1:
                raise ValueError(f"Expected {name} to be a float in (0, 1). Received: {number}")
        check_scope(scope, LAYERS_AND_INNER, no_mapping="no layer has a number of its own")
        schedules.check_position("begin", begin)
        self.threshold = threshold
        self.scope = scope
        self.scale_rate = scale_rate
        super().__init__(Begin(begin))

    def get_config(self) -> dict:
        """Returns the constructor's arguments as a dict."""
        return {
            "threshold": self.threshold,
            "scope": self.scope,
            "begin": self.schedule.begin,
            "scale_rate": self.scale_rate,
        }

    def apply(self, model: Model) -> float:
        """Makes the weights of a model ternary, outside of `fit`.

        Wp and Wn are the means of the weights that become them, which are nearest.

        Args:
            model: Built Keras model. Afterwards nothing keeps its weights ternary.

        Returns:
            The fraction of zeros in the layers of the scope, a float.

        Raises:
            TypeError, ValueError: The class does not support the model, or the scope matches
                nothing.
        """
        kernels = [self._make(target.kernel, strategy_of(model)) for target in self._find(model)]
        for kernel in kernels:
            kernel.start()
        return sum(k.sparsity * k.size for k in kernels) / sum(k.size for k in kernels)

    def on_train_begin(self, logs: dict | None = None) -> None:
        """Checks the scope; other callbacks may still restore weights."""
        self._detach()
        self._train_step = TrainStep.of(self.model)
        self._train_step.detach_kind(_PART)
        select(self.model, self.scope)  # Raises an error now rather than when weights change.
        super().on_train_begin(logs)

    def _find(self, model):
        targets = select(model, self.scope)
        held = [t.name for t in targets if _has_constraint(t.kernel)]
        if held:
            raise ValueError(
                "Expected kernels without a constraint, such as that of a callback which prunes in "
                f"the same fit. Received: {listed(held)}. Make weights ternary in a fit of its own."
            )
        return targets

    def _make(self, variable, strategy):
        return TernaryKernel(variable, strategy, self.threshold, self.scale_rate)

    def _update(self, begins):
        if not begins or self._masks:
            return
        optimizer, strategy = self.model.optimizer, strategy_of(self.model)
        kernels = [target.kernel for target in self._find(self.model)]
        numbers = self.threshold, self.scale_rate
        self._masks = self._parts = self._train_step.attach(
            {(_PART, *numbers, id(v)): functools.partial(self._make, v, strategy) for v in kernels}
        )
        self._hooks = GradientHooks(optimizer)
        for mask in self._masks:
            mask.start()
            self._hooks.attach(mask.variable, functools.partial(_train, mask, optimizer))
            mask.attach()
        averages = [TernaryAverage(mask) for mask in self._masks]
        self._averages = MaskedAverages(optimizer, self._masks, averages)
        self._averages.attach()

    def _hold(self):
        for mask in self._masks:
            # What a callback with averages has put into the model may have no such values.
            if not mask.holds(mask.weights()):
                mask.apply()
        self._averages.apply()

    def _close(self):
        warn_at_end(
            self.model,
            self._masks,
            "give fit the same TernaryQuantization",
            lost="are not ternary",
            before="they were",
            begins="weights are ternary",
        )
        self._detach()


def _train(kernel, optimizer, gradient, variable):
    return kernel.train(gradient, variable, getattr(optimizer, "learning_rate", 1.0))


def _has_constraint(variable):
    # A training that was interrupted has left a kernel with its ternary one.
    constraint = getattr(variable, "constraint", None)
    mask = getattr(constraint, "mask", None)
    if isinstance(mask, TernaryKernel):
        constraint = constraint.inner
    return constraint is not None
