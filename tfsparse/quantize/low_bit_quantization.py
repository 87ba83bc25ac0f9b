"""Weights of a few bits by ADMM."""

import functools

import numpy as np

from tfsparse.annotations import Model, Position, Scope
from tfsparse.arguments import check_int, check_number
from tfsparse.keras_models import strategy_of
from tfsparse.prune.masked_callback import MaskedCallback
from tfsparse.prune.moving_averages import MaskedAverages
from tfsparse.prune.scope import select
from tfsparse.prune.scope_grammar import LAYERS_AND_INNER, check_scope
from tfsparse.prune.train_step import TrainStep
from tfsparse.prune.update_schedules import Progress
from tfsparse.prune.variables import read, write
from tfsparse.prune.weights.admm import Admm, Pull
from tfsparse.quantize.end_warnings import warn_at_end
from tfsparse.quantize.powers_of_two import PowerOfTwoKernel, project

_PART = "low-bit weights"


class LowBitQuantization(MaskedCallback):
    """Makes the weights of each layer zero or a signed power of two, times one scale.

    From `begin` to `end` the weights stay of full precision, and an auxiliary loss of ADMM pulls
    them towards the nearest ones of `bits` bits. At `end` they are rounded to these; from then on
    their codes stay and the scale of each layer, biases and BatchNormalization are trained. Until
    `end` validation is of the network in full precision. The model stays a plain Keras model.

    From Leng et al., "Extremely Low Bit Neural Network: Squeeze the Last Bit Out with ADMM", 2018
    (https://arxiv.org/abs/1707.09870). The paper trains with an extragradient step; this is the
    optimizer's own, with the term in its gradient.

    Args:
        bits: Int from 2 to 4. With 2, weights are a scale times -1, 0 or 1; with 3, also times 2
            and 4; with 4, times powers of two up to 64.
        rho: Positive float, the weight of the auxiliary loss.
        begin: Where the pull begins: a float in [0, 1] is a fraction of the training, an int is a
            step, counted as `optimizer.iterations` counts.
        end: Where weights are rounded, likewise.
        frequency: Int, steps between two updates of ADMM. By default 100, or fewer so that there
            are 5 updates.
        scope: Which layers: `"all_but_first_and_last"`, the default; `"pointwise"`, `"3x3"`,
            `"all_but_first"`, `"all"`, or a function that takes a layer and returns a bool.

    Raises:
        TypeError: An argument is of a wrong type. `fit` and `apply` raise it if the model is no
            Keras model.
        ValueError: An argument is out of its range. `fit` and `apply` raise it if the model is not
            built, or `scope` matches no layer; `fit`, if the model has no optimizer.

    Example:

    ```python
    model.fit(x, y, epochs=10, callbacks=[tfsparse.LowBitQuantization(bits=3)])
    tfsparse.convert(model, "model.tflite")
    ```
    """

    def __init__(
        self,
        bits: int = 3,
        *,
        rho: float = 0.01,
        begin: Position = 0.0,
        end: Position = 0.7,
        frequency: int | None = None,
        scope: Scope = "all_but_first_and_last",
    ) -> None:
        check_int("bits", bits, 2, 4)
        check_number("rho", rho)
        if not rho:
            raise ValueError(f"Expected rho to be above 0. Received: {rho}")
        check_scope(scope, LAYERS_AND_INNER, no_mapping="no layer has a number of its own")
        self.bits, self.rho, self.scope = bits, rho, scope
        super().__init__(Progress(begin, end, frequency))

    def get_config(self) -> dict:
        """Returns the constructor's arguments as a dict."""
        own = {"bits": self.bits, "rho": self.rho, "scope": self.scope}
        return own | self.schedule.get_config()

    def apply(self, model: Model) -> float:
        """Rounds the weights of a model, outside of `fit`.

        Args:
            model: Built Keras model. Afterwards nothing keeps its weights as they are.

        Returns:
            The relative error, a float: the root of the sum of all squared changes of weights in
            the scope, over that of all squared weights.

        Raises:
            TypeError, ValueError: The class does not support the model, or the scope matches
                nothing.
        """
        changes = size = 0.0
        for target in select(model, self.scope):
            weights = read(target.kernel)
            rounded, _ = project(weights, self.bits)
            write(target.kernel, rounded)
            changes += np.sum((weights - rounded) ** 2)
            size += np.sum(weights**2)
        return float(np.sqrt(changes / max(size, 1e-30)))

    def on_train_begin(self, logs: dict | None = None) -> None:
        """Attaches the auxiliary loss, which has no effect yet."""
        if self.model.optimizer is None:
            raise ValueError(
                "LowBitQuantization adds to the gradients of model.optimizer, and there is none. "
                "Compile the model with the optimizer that trains it."
            )
        self._detach()
        strategy = strategy_of(self.model)
        self._train_step = TrainStep.of(self.model)
        self._train_step.detach_kind(_PART)
        self._variables = [target.kernel for target in select(self.model, self.scope)]
        makers = {
            (_PART, "pull", id(v)): functools.partial(Pull, v, strategy) for v in self._variables
        }
        self._parts = self._train_step.attach(makers)
        self._hooks = self._admm = Admm(self.model.optimizer, self._parts, self.rho)
        super().on_train_begin(logs)

    def _update(self, progress):
        if progress is None or self._masks:
            return
        if progress < 1:
            self._admm.update(list(map(read, self._variables)), self._project)
        else:
            self._admm.stop()
            self._round()

    def _project(self, weights):
        return [project(w, self.bits)[0] for w in weights]

    def _round(self):
        """Rounds the weights, and lets every update keep their codes."""
        strategy, optimizer = strategy_of(self.model), self.model.optimizer
        makers = {
            (_PART, "codes", id(v)): functools.partial(PowerOfTwoKernel, v, strategy)
            for v in self._variables
        }
        self._masks = self._train_step.attach(makers)
        self._parts = [*self._parts, *self._masks]
        for mask in self._masks:
            mask.round(self.bits)
            mask.attach()
        self._averages = MaskedAverages(optimizer, self._masks, self._masks)
        self._averages.attach()

    def _close(self):
        warn_at_end(
            self.model,
            self._masks,
            "give fit a LowBitQuantization with end=0",
            lost="are not of few bits",
            before="they were rounded",
            begins="weights are rounded",
        )
        self._detach()

    def _forget(self):
        super()._forget()
        self._admm = None
        self._variables = []
