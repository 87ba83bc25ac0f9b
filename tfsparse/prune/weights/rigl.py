"""Sparse training: RigL, SET, and fixed masks."""

from collections.abc import Mapping
from numbers import Real

import numpy as np

from tfsparse.annotations import BlockSize, Position, Scope
from tfsparse.arguments import check_fraction
from tfsparse.keras_models import strategy_of
from tfsparse.prune import schedules
from tfsparse.prune.blocks import first_of_blocks
from tfsparse.prune.optimizers import GradientHooks, LastGradient, zero_slots
from tfsparse.prune.scope_grammar import LAYERS_AND_DEPTHWISE, check_scope
from tfsparse.prune.update_schedules import CosineDecay
from tfsparse.prune.weights.distribution import erdos_renyi_kernel
from tfsparse.prune.weights.masked_weights import MaskedWeights
from tfsparse.prune.weights.rewiring import first_mask, rewire
from tfsparse.user_warnings import warn

_DEFAULT_SPARSITY = 0.8


class RigL(MaskedWeights):
    """Trains a network that is sparse from the first step, and updates its masks during training.

    Training begins with random masks. Every `frequency` steps each layer drops its smallest weights
    and grows as many pruned ones, those with the largest gradient. Grown weights and their
    optimizer slots start at zero. The number of weights of each layer is constant.

    An update follows a train step and uses the gradient of this step, as the optimizer applies it,
    so that only updates take additional time. Masks change just before the next step, so that a
    grown weight is no longer zero when the model is saved or evaluated. Supports the same models
    as `GradualPruning`.

    **Resuming.** If the model has zeros, the first masks prune these; missing or excess zeros are
    drawn at random. So a resumed training keeps its masks, and a second `fit` has those of the
    first.

    `fit` logs `"sparsity"`, as `GradualPruning` does. After a `fit` that ends with an exception the
    masks stay attached, until the next `fit` with a pruning callback.

    From Evci et al., "Rigging the Lottery: Making All Tickets Winners", 2020
    (https://arxiv.org/abs/1911.11134). With `growth="random"` it is SET, from Mocanu et al.,
    "Scalable training of artificial neural networks with adaptive sparse connectivity inspired by
    network science", 2018 (https://arxiv.org/abs/1707.04780).

    Args:
        sparsity: Float in [0, 1), the fraction of zeros in all layers of the scope, 0.8 by
            default. Not together with a mapping as `scope`, which has its own sparsities.
        distribution: `"erdos_renyi_kernel"`, the default, makes small layers denser than large
            ones, best for accuracy; `"uniform"` gives every layer the same sparsity,
            with about half the MACs. Not together with a mapping as `scope`.
        scope: Which layers: `"all_but_first"`, the default, for all but the model's first
            convolution, or another scope of `GradualPruning`. Depthwise convolutions are dense,
            unless a scope asks for them alone.
        growth: `"gradient"` grows where the gradient is largest (RigL), `"random"` anywhere (SET);
            None keeps the masks fixed, as a baseline.
        drop_fraction: Float in (0, 1], the fraction of a layer's weights that the first update
            drops and grows; it falls to 0 along half a cosine.
        end: When updates end: a float in [0, 1] is a fraction of the training, an int is
            a step.
        frequency: Int, steps between two updates. By default 100, or fewer so that there are 5
            updates before `end`.
        block_size: 1, 2 or 4 neighbouring output channels that share a pattern, or a pair of output
            and input channels: `(1, 4)` for networks that will run in int8. Larger blocks run
            faster and lose more accuracy.
        seed: Int, the same masks for the same seed.

    Raises:
        TypeError: An argument is of a wrong type.
        ValueError: An argument is out of its range. `fit` raises it if the model has no optimizer
            to take gradients from, `fit` and `apply` if it is not built or the scope matches no
            layer of it.

    Example:

    ```python
    model.fit(x, y, epochs=20, callbacks=[tfsparse.RigL(sparsity=0.9)])
    ```
    """

    def __init__(
        self,
        sparsity: float | None = None,
        *,
        distribution: str | None = None,
        scope: Scope = "all_but_first",
        growth: str | None = "gradient",
        drop_fraction: float = 0.3,
        end: Position = 0.75,
        frequency: int | None = None,
        block_size: BlockSize = 1,
        seed: int = 0,
    ) -> None:
        check_scope(scope, LAYERS_AND_DEPTHWISE)
        _check_choice("growth", growth, ("gradient", "random", None))
        _check_choice("distribution", distribution, ("erdos_renyi_kernel", "uniform", None))
        if isinstance(scope, Mapping) and not sparsity is distribution is None:
            raise ValueError(
                "A mapping as scope gives each layer its sparsity; give it alone. Received: "
                f"scope={dict(scope)!r}, sparsity={sparsity}, distribution={distribution!r}"
            )
        if not isinstance(drop_fraction, Real) or not 0 < drop_fraction <= 1:
            raise ValueError(
                "Expected drop_fraction to be a float in (0, 1]; growth=None keeps the masks as "
                f"they are. Received: {drop_fraction!r}"
            )
        self.target_sparsity = _DEFAULT_SPARSITY if sparsity is None else sparsity
        check_fraction("sparsity", self.target_sparsity)
        moves = CosineDecay(drop_fraction, end, frequency)
        stays = schedules.ConstantSparsity(self.target_sparsity)
        super().__init__(scope, moves if growth else stays, block_size)
        self.distribution = distribution or "erdos_renyi_kernel"
        self.growth = growth
        self.drop_fraction = drop_fraction
        self.end = end
        self.frequency = frequency
        self.seed = seed

    def get_config(self) -> dict:
        """Returns the constructor's arguments as a dict."""
        layers_decide = isinstance(self.scope, Mapping)
        return {
            "sparsity": None if layers_decide else self.target_sparsity,
            "distribution": None if layers_decide else self.distribution,
            "scope": self.scope,
            "growth": self.growth,
            "drop_fraction": self.drop_fraction,
            "end": self.end,
            "frequency": self.frequency,
            "block_size": self.block_size,
            "seed": self.seed,
        }

    def on_train_begin(self, logs: dict | None = None) -> None:
        """Attaches masks that prune nothing yet, and hooks that store the gradients."""
        optimizer = self.model.optimizer
        if optimizer is None and self.growth == "gradient":
            raise ValueError(
                "RigL takes the gradients from model.optimizer, and there is none. Compile the "
                "model with the optimizer that trains it, or use growth='random'."
            )
        super().on_train_begin(logs)
        if self.growth == "gradient":
            strategy = strategy_of(self.model)
            self._gradients = self._attach_parts(
                "gradient",
                [mask.variable for mask in self._masks],
                lambda variable: LastGradient(variable, strategy),
            )
            self._hooks = GradientHooks(optimizer)
            for mask, gradient in zip(self._masks, self._gradients, strict=True):
                self._hooks.attach(mask.variable, gradient)

    def on_train_batch_begin(self, batch: int, logs: dict | None = None) -> None:
        """Updates the masks if the schedule has an update after the last step."""
        super().on_train_batch_begin(batch, logs)
        # There is no gradient just after a resume: an update then waits for the first step.
        if self._due and self._clock.elapsed > self._started:
            self._move(self._due)
            self._due = None

    @property
    def _to_keep_zeros(self):
        return "give fit the same RigL with growth=None"

    def _begin(self, step):
        if self._started is None:
            self._prune_one_shot()
            self._started = self._clock.elapsed
        is_due, fraction = self._schedule(step)
        if is_due:
            self._update(fraction)

    def _update(self, fraction):
        self._due = fraction if self.growth else None

    def _plan(self):
        super()._plan()
        end = getattr(self._schedule, "end", None)
        frequency = self.schedule.frequency if self.growth else None
        if end is not None and frequency is not None and frequency >= end:
            warn(
                f"No connection will move: the first update would be at step {frequency}, and "
                f"updates end at step {end}. Leave frequency out, and it fits any training.",
            )

    def _prune_one_shot(self):
        """Assigns the masks at the begin of a training."""
        keeps, scores = [], self._scores(self._weights())
        for index, (score, sparsity) in enumerate(zip(scores, self._sparsities(), strict=True)):
            rng = np.random.default_rng((self.seed, index))
            keeps.append(first_mask(score, sparsity, rng))
        self._keep_blocks(keeps)

    def _sparsities(self):
        """Returns the sparsity of each layer."""
        if isinstance(self.scope, Mapping):
            return [target.amount for target in self._targets]
        if self.distribution == "uniform":
            return [self.target_sparsity] * len(self._masks)
        shapes = [tuple(mask.variable.shape) for mask in self._masks]
        return erdos_renyi_kernel(shapes, self.target_sparsity)

    def _move(self, fraction):
        """Drops and grows weights, and zeroes the optimizer slots of grown ones."""
        growths = self._growths()
        if all(growth is None for growth in growths):
            warn(
                "No connection moves: no layer of the scope has a gradient that is finite and not "
                "all zeros. If the train step does not use model.optimizer, compile the model with "
                "the optimizer that it uses; growth='random' needs no gradient.",
            )
        before = [mask.keep for mask in self._masks]
        keeps = list(map(first_of_blocks, before, self._block_shapes))
        scores = self._scores(self._weights())
        for index, (score, growth) in enumerate(zip(scores, growths, strict=True)):
            if growth is not None:
                keeps[index] = rewire(keeps[index], score, growth, fraction)
        self._keep_blocks(keeps)
        grown = [
            (mask.variable, mask.keep & ~old) for mask, old in zip(self._masks, before, strict=True)
        ]
        zero_slots(self.model.optimizer, grown)

    def _growths(self):
        """Returns the growth score of each block, an array for each layer; None for no update."""
        if self.growth == "gradient":
            gradients = [gradient.numpy() for gradient in self._gradients]
            # A frozen layer has no gradient, and a diverged step has one that is not finite.
            usable = [np.all(np.isfinite(g)) and np.any(g) for g in gradients]
            scores = self._scores(gradients)
            return [score if u else None for score, u in zip(scores, usable, strict=True)]
        trained = {id(variable) for variable in self.model.trainable_variables}
        growths = []
        blocks = map(first_of_blocks, [mask.keep for mask in self._masks], self._block_shapes)
        for index, (mask, keep) in enumerate(zip(self._masks, blocks, strict=True)):
            rng = np.random.default_rng((self.seed, index, self._seen))
            growths.append(rng.random(keep.shape) if id(mask.variable) in trained else None)
        return growths

    def _forget(self):
        super()._forget()
        self._gradients = []
        self._started = self._due = None


def _check_choice(name, value, choices):
    if value not in choices:
        raise ValueError(
            f"Expected {name} to be {', '.join(map(repr, choices[:-1]))} or {choices[-1]!r}. "
            f"Received: {value!r}"
        )
