"""Weights of a few bits, by ADMM or by what they do to the outputs of their layers."""

import functools
import itertools

import numpy as np

from tfsparse.annotations import Model, Position, Scope
from tfsparse.arguments import check_int, check_number
from tfsparse.formatting import listed
from tfsparse.keras_models import strategy_of
from tfsparse.prune.masked_callback import MaskedCallback
from tfsparse.prune.moving_averages import MaskedAverages
from tfsparse.prune.scope import select
from tfsparse.prune.scope_grammar import LAYERS_AND_INNER, check_scope
from tfsparse.prune.train_step import TrainStep
from tfsparse.prune.update_schedules import Progress
from tfsparse.prune.variables import read, write
from tfsparse.prune.weights.admm import Admm, Pull
from tfsparse.quantize.code_fitting import fit_codes
from tfsparse.quantize.end_warnings import warn_at_end
from tfsparse.quantize.input_gram import InputGram, obstacle
from tfsparse.quantize.powers_of_two import PowerOfTwoKernel, project

_PART = "low-bit weights"
# The least and the most bits of each method.
_METHODS = {"admm": (2, 4), "hashing": (1, 1), "two_step": (2, 2)}
_CODES = {"hashing": (-1, 1), "two_step": (-1, 0, 1)}


class LowBitQuantization(MaskedCallback):
    """Makes the weights of each layer zero or a signed power of two, times a scale.

    Until `end` the weights stay of full precision, and so is validation. At `end` they are rounded;
    from then on their codes stay, and scales, biases and BatchNormalization are trained. The model
    stays a plain Keras model. The method says how codes are chosen, and how many scales there are:

    - `"admm"`: from `begin` to `end` an auxiliary loss of ADMM pulls weights towards the nearest
      ones of `bits` bits, with one scale a layer. From Leng et al., "Extremely Low Bit Neural
      Network: Squeeze the Last Bit Out with ADMM", 2018 (https://arxiv.org/abs/1707.09870). The
      paper trains with an extragradient step; this is the optimizer's own, with the term in its
      gradient.
    - `"hashing"`, with `bits=1`: each weight is a scale times -1 or 1. From `begin` to `end` sums
      of products of the inputs are taken, and at `end` the codes chosen that change the products of
      inputs and weights least, with a scale for each output channel. From Hu et al., "From Hashing
      to CNNs: Training Binary Weight Networks via Hashing", 2018
      (https://arxiv.org/abs/1802.02733).
    - `"two_step"`, with `bits=2`: the same with the codes -1, 0 and 1: the second of the steps in
      Wang et al., "Two-Step Quantization for Low-bit Neural Networks", 2018
      (https://doi.org/10.1109/CVPR.2018.00460). Its first step, for activations, is left out, and
      so the activation in the second.

    Args:
        bits: Int, 2 to 4 with `"admm"`. With 2, weights are a scale times -1, 0 or 1; with 3, also
            times 2 and 4; with 4, times powers of two up to 64.
        method: `"admm"`, `"hashing"` or `"two_step"`.
        rho: Positive float, the weight of the auxiliary loss of ADMM.
        begin: Where the pull, or the look at the inputs, begins: a float in [0, 1] is a fraction of
            the training, an int is a step, counted as `optimizer.iterations` counts.
        end: Where weights are rounded, likewise.
        frequency: Int, steps between two updates of ADMM. By default 100, or fewer so that there
            are 5 updates.
        scope: Which layers: `"all_but_first_and_last"`, the default; `"pointwise"`, `"3x3"`,
            `"all_but_first"`, `"all"`, or a function that takes a layer and returns a bool.

    Raises:
        TypeError: An argument is of a wrong type. `fit` and `apply` raise it if the model is no
            Keras model.
        ValueError: An argument is out of its range. `fit` and `apply` raise it if the model is not
            built, or `scope` matches no layer; `fit`, if the model has no optimizer or, but with
            `"admm"`, if a layer is no Dense or Conv2D layer without groups.

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
        method: str = "admm",
        rho: float = 0.01,
        begin: Position = 0.0,
        end: Position = 0.7,
        frequency: int | None = None,
        scope: Scope = "all_but_first_and_last",
    ) -> None:
        if method not in _METHODS:
            raise ValueError(f"Expected method to be one of {(*_METHODS,)}. Received: {method!r}")
        least, most = _METHODS[method]
        if least == most != bits:
            raise ValueError(f"Expected bits={least} with method={method!r}. Received: {bits!r}")
        check_int("bits", bits, least, most)
        check_number("rho", rho)
        if not rho:
            raise ValueError(f"Expected rho to be above 0. Received: {rho}")
        check_scope(scope, LAYERS_AND_INNER, no_mapping="no layer has a number of its own")
        self.bits, self.method, self.rho, self.scope = bits, method, rho, scope
        self._grams = []
        super().__init__(Progress(begin, end, frequency))

    def get_config(self) -> dict:
        """Returns the constructor's arguments as a dict."""
        own = {"bits": self.bits, "method": self.method, "rho": self.rho, "scope": self.scope}
        return own | self.schedule.get_config()

    def apply(self, model: Model) -> float:
        """Rounds the weights of a model to the nearest ones, outside of `fit`.

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
            rounded, _ = self._rounded(weights)
            write(target.kernel, rounded)
            changes += np.sum((weights - rounded) ** 2)
            size += np.sum(weights**2)
        return float(np.sqrt(changes / max(size, 1e-30)))

    def on_train_begin(self, logs: dict | None = None) -> None:
        """Attaches the auxiliary loss, which has no effect yet, or looks for the layers."""
        if self.model.optimizer is None:
            raise ValueError(
                "LowBitQuantization changes what model.optimizer trains, and there is none. "
                "Compile the model with the optimizer that trains it."
            )
        self._detach()
        self._train_step = TrainStep.of(self.model)
        self._train_step.detach_kind(_PART)
        targets = select(self.model, self.scope)
        self._variables = [target.kernel for target in targets]
        if self.method == "admm":
            makers = self._makers("pull", Pull, self._variables)
            self._parts = self._train_step.attach(makers)
            self._hooks = self._admm = Admm(self.model.optimizer, self._parts, self.rho)
        else:
            _check_layers(targets, self.method)
            self._layers = [target.layer for target in targets]
        super().on_train_begin(logs)

    def _makers(self, name, part, subjects):
        strategy = strategy_of(self.model)
        key = (_PART, name, self.method)
        return {(*key, id(x)): functools.partial(part, x, strategy) for x in subjects}

    def _update(self, progress):
        if progress is None or self._masks:
            return
        if progress == 1:
            self._round()
        elif self._admm is not None:
            self._admm.update(list(map(read, self._variables)), self._project)
        elif not self._parts:
            makers = self._makers("inputs", InputGram, self._layers)
            self._parts = self._grams = self._train_step.attach(makers)
            for gram in self._grams:
                gram.begin()

    def _project(self, weights):
        return [project(w, self.bits)[0] for w in weights]

    def _round(self):
        """Rounds the weights, and lets every update keep their codes."""
        if self._admm is not None:
            self._admm.stop()
        optimizer, grams = self.model.optimizer, self._grams
        self._train_step.detach(grams)
        kernel = functools.partial(PowerOfTwoKernel, per_channel=self.method != "admm")
        self._masks = self._train_step.attach(self._makers("codes", kernel, self._variables))
        self._parts = [*self._parts, *self._masks]
        for mask, gram in itertools.zip_longest(self._masks, grams):
            mask.round(*self._rounded(mask.weights(), gram and gram.matrix()))
            mask.attach()
        self._end_grams()
        self._averages = MaskedAverages(optimizer, self._masks, self._masks)
        self._averages.attach()

    def _rounded(self, weights, gram=None):
        """Returns weights of few bits and their codes; without inputs, the nearest ones."""
        if self.method == "admm":
            return project(weights, self.bits)
        matrix = weights.reshape(-1, weights.shape[-1])
        gram = np.eye(len(matrix)) if gram is None else gram
        scales, codes = fit_codes(gram, matrix, _CODES[self.method])
        codes = codes.reshape(weights.shape)
        return (scales * codes).astype(weights.dtype), codes

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

    def _end_grams(self):
        for gram in self._grams:
            gram.end()
        self._grams = []

    def _forget(self):
        super()._forget()
        self._end_grams()
        self._admm = None
        self._variables, self._layers = [], []


def _check_layers(targets, method):
    found = [f"{t.name}: {reason}" for t in targets if (reason := obstacle(t.layer))]
    if found:
        raise ValueError(
            f"Expected Dense and Conv2D layers without groups, of which method={method!r} sees the "
            f"inputs. Received: {listed(found)}. Leave them out by the scope, or use "
            "method='admm'."
        )
